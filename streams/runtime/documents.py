"""Reads YAML documents into typed models. All violations are reported at once: file, line, and what to write instead.

As in YAML 1.2, `true` and `false` are the only booleans (`no` and `off` are words), and times and dates are text. Merge
keys and tags are not supported, and documents that expand to a huge size are rejected.

    DocumentError      the document is invalid: print the error for its author
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar, get_args
from unicodedata import normalize

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from schemas.errors import UserError

from .yaml12 import SCALARS, Loader, Scalar

DocumentPath = tuple[Scalar, ...]
"""Keys and indices that lead to a value of a document."""
Model = TypeVar("Model", bound=BaseModel)

MAX_CHARACTERS = 1_000_000
MAX_VALUES = 100_000
MAX_DEPTH = 30
MOST_NAMED = 20
MOST_COMPARED = 100  # characters of a word: known words are much shorter
MOST_PRINTED = 80


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong, and what to write instead."""

    line: int
    where: str
    problem: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{self.line}: {where}{self.problem}; {self.fix}"


class DocumentError(UserError, ValueError):
    """All violations in a document. `name` is its file, `faults` are sorted by line."""

    def __init__(self, name: str, faults: Iterable[Violation]) -> None:
        self.name = name
        self.faults = sorted(faults, key=lambda fault: fault.line)
        super().__init__("\n".join(f"{name}:{fault}" for fault in self.faults))


def violation(problem: str, fix: str) -> PydanticCustomError:
    """The error that a validator raises to say what is wrong with a value and what to write instead."""
    return PydanticCustomError("unfit", "{problem}", {"problem": problem, "fix": fix})


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """What to write instead of an unknown word."""
    return _closest(str(word)[:MOST_COMPARED], tuple(sorted(known)))


@lru_cache(maxsize=1024)
def _closest(word: str, names: tuple[str, ...]) -> str:
    """Cached: the same mistake is often in every event of a batch, and the search costs more than everything else."""
    close = get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return "leave it out"
    return f"write one of: {', '.join(names[:MOST_NAMED])}{', …' if len(names) > MOST_NAMED else ''}"


def load(text: str, name: str, model: type[Model], context: object = None) -> Model:
    """Read a document.

    Args:
        text: The document.
        name: The file name in messages.
        model: Its type.
        context: Passed to the validators of the model.

    Raises:
        DocumentError: The text is not a valid document of this model.
    """
    return YamlDocument(text, name).read(model, context)


class YamlDocument:
    """A YAML text, its values, and the line of each."""

    def __init__(self, text: str, name: str) -> None:
        """Parse the text.

        Raises:
            DocumentError: It is not YAML, or too large.
        """
        self.name = name
        self._lines: dict[DocumentPath, int] = {(): 1}
        self._faults: list[Violation] = []
        root = _composed(normalize("NFC", text), name)  # as the values of records, with which its words are compared
        self.data: object = {} if root is None else self._value(root, ())

    def read(self, model: type[Model], context: object = None) -> Model:
        """Return the document as this model.

        Raises:
            DocumentError: It is not a valid document of this model.
        """
        instance, faults = self.check(model, context)
        if instance is None or faults:
            raise DocumentError(self.name, faults)
        return instance

    def check(self, model: type[Model], context: object = None) -> tuple[Model | None, list[Violation]]:
        """Return the document as this model, None if it is invalid, and all violations."""
        try:
            return model.model_validate(self.data, context=context), list(self._faults)
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False)
            found = dict.fromkeys(self._fault(error, model) for error in self._relevant(errors))
            return None, [*self._faults, *found]

    def _relevant(self, errors: list[ErrorDetails]) -> list[ErrorDetails]:
        """Without errors about other alternatives of a union than the one that the author probably meant.

        Dropped are errors about the kind of a value if there are other errors inside of that value.
        """
        places = [(self._nearest(error["loc"]), error) for error in errors]
        entered = {place[:depth] for place, _ in places for depth in range(len(place))}
        entered |= {place for place, error in places if error["type"] == "missing"}
        return [error for place, error in places if place not in entered or not _is_of_kind(error)]

    def fault(self, place: DocumentPath, problem: str, fix: str) -> Violation:
        """A violation at this path of the document, or at its nearest existing parent."""
        return Violation(self.line_of(place), _path(self._nearest(place)), problem, fix)

    def line_of(self, place: DocumentPath) -> int:
        """The line of this path of the document, or of its nearest existing parent."""
        return self._lines[self._nearest(place)]

    def _nearest(self, place: DocumentPath) -> DocumentPath:
        nearest: DocumentPath = ()
        for step in place:  # a step may be the name of an alternative, which is not in the document
            nearest = (*nearest, step) if (*nearest, step) in self._lines else nearest
        return nearest

    def _fault(self, error: ErrorDetails, model: type[BaseModel]) -> Violation:
        place, kind = error["loc"], error["type"]
        if kind == "extra_forbidden":
            fix = did_you_mean(place[-1], _fields_at(model, place[:-1]))
            return self.fault(place, "there is no such key", fix)
        if kind == "missing":
            return self.fault(place[:-1], f"{place[-1]!r} is missing", f"write '{place[-1]}: …'")
        return self.fault(place, *_explained(error))

    def _value(self, node: Node, place: DocumentPath) -> object:
        if len(self._lines) > MAX_VALUES or len(place) > MAX_DEPTH:
            problem = f"more than {MAX_VALUES} values, or {MAX_DEPTH} levels of them"
            raise DocumentError(self.name, [Violation(_line(node), "", problem, "write less, without aliases")])
        if isinstance(node, MappingNode):
            return dict(self._pairs(node, place))
        if isinstance(node, SequenceNode):
            return [self._item(each, (*place, n)) for n, each in enumerate(node.value)]
        return self._scalar(node, place)

    def _item(self, node: Node, place: DocumentPath) -> object:
        self._lines[place] = _line(node)
        return self._value(node, place)

    def _pairs(self, node: MappingNode, place: DocumentPath) -> Iterator[tuple[Scalar, object]]:
        for key_node, value_node in node.value:
            key = self._scalar(key_node, place)
            here = (*place, key)
            if here in self._lines:
                fix = f"leave one out; the other is on line {self._lines[here]}"
                self._faults.append(Violation(_line(key_node), _path(here), "this key is there twice", fix))
                continue
            self._lines[here] = _line(key_node)
            yield key, self._value(value_node, here)

    def _scalar(self, node: Node, place: DocumentPath) -> Scalar:
        read = SCALARS.get(node.tag) if isinstance(node, ScalarNode) else None
        if read is None:
            problem = "a key that is no word" if not isinstance(node, ScalarNode) else f"the tag {node.tag!r}"
            self._faults.append(Violation(_line(node), _path(place), problem, "write plain text"))
            return ""
        return read(node.value)


def _composed(text: str, name: str) -> Node | None:
    if len(text) > MAX_CHARACTERS:
        problem = f"{len(text):,} characters, at most {MAX_CHARACTERS:,} are read"
        raise DocumentError(name, [Violation(1, "", problem, "write less")])
    try:
        node: Node | None = yaml.compose(text, Loader)
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        problem = broken.problem or broken.context or "this is not YAML"
        raise DocumentError(name, [Violation(line, "", problem, "look at indents, colons and quotes")]) from None
    except yaml.YAMLError as broken:
        raise DocumentError(name, [Violation(1, "", str(broken).partition("\n")[0], "write plain text")]) from None
    except RecursionError:
        raise DocumentError(name, [Violation(1, "", "lists in lists without end", "write fewer levels")]) from None
    return node


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _path(place: DocumentPath) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")


def _is_of_kind(error: ErrorDetails) -> bool:
    return error["type"].endswith(("_type", "literal_error", "enum"))


def _explained(error: ErrorDetails) -> tuple[str, str]:
    context = error.get("ctx", {})
    if error["type"] == "unfit":
        return str(context["problem"]), str(context["fix"])
    given = error["input"]
    value = _short(repr(given)) if isinstance(given, str | int | float | bool) else "this"
    if error["type"] in ("literal_error", "enum"):
        known = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"{value} is not known here", did_you_mean(given, known)
    if wanted := WANTED.get(error["type"]):
        return f"{value} does not fit", wanted.format(**context)
    return f"{value} does not fit", error["msg"].removeprefix("Value error, ").replace("Input should be", "write")


def _short(text: str) -> str:
    return text if len(text) <= MOST_PRINTED else f"{text[:MOST_PRINTED]}…"


WANTED: Mapping[str, str] = {
    "model_type": "write keys and values",
    "invalid_key": "write text, in quotes",
    "dict_type": "write keys and values",
    "list_type": "write a list",
    "tuple_type": "write a list",
    "string_type": "write text",
    "string_too_short": "write some text",
    "string_too_long": "write at most {max_length} characters",
    "too_short": "write at least one",
}


def _fields_at(model: type[BaseModel], place: DocumentPath) -> set[str]:
    """The keys that any model allows at this place of the document."""
    kinds: list[object] = [model]
    for step in place:
        steps = [kind for each in kinds for kind in _below(each, step)]
        kinds = steps or _named(kinds, step) or kinds  # the name of an alternative is not a field
    models = [kind for each in kinds for kind in _models(each)]
    return {field.alias or name for kind in models for name, field in kind.model_fields.items()}


def _named(kinds: list[object], name: Scalar) -> list[object]:
    """The alternatives of a union with this name: one of their fields allows only this word."""
    models = [model for kind in kinds for model in _models(kind)]
    return [each for each in models if any(get_args(f.annotation) == (name,) for f in each.model_fields.values())]


def _below(kind: object, step: Scalar) -> list[object]:
    return [
        field.annotation
        for model in _models(kind)
        for name, field in model.model_fields.items()
        if step in (name, field.alias)
    ]


def _models(kind: object) -> list[type[BaseModel]]:
    """The models in a type, through lists, mappings and unions."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for each in get_args(kind) for model in _models(each)]
