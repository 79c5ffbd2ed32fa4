"""The types of a parsed JSON document: what `json.loads` returns, and what `json.dumps` takes.

They are for annotations only. The recursion is a forward reference, which pydantic and msgspec do not resolve.
"""

from typing import TypeAlias

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
JsonObject: TypeAlias = dict[str, JsonValue]
