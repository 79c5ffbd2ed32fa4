"""Scalars as in YAML 1.2: `true` and `false` are the only booleans; `no`, `off`, times and dates are text."""

import re
from collections.abc import Callable, Mapping

import yaml

Scalar = str | int | float | None

SCALARS: Mapping[str, Callable[[str], Scalar]] = {
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:str": str,
}


class Loader(yaml.SafeLoader):
    """Distinguishes scalars as YAML 1.2 does, and codes from numbers: 007 is text."""


Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"-?(?:0|[1-9][0-9]{0,17})", list("-0123456789")),
    ("float", r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}", list("-0123456789")),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern})$"), _first)
