"""Typed YAML documents, with all that is wrong named at once: file, line, and what to write instead.

YAML as in its version 1.2: `true` and `false` are the only truth values (`no`, `off` are words), times and dates are
text. No merge keys, no tags, and no document that is small to read and huge to hold.

    DocumentError      the document cannot be used: show it to whoever wrote it
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from schemas.errors import UserError

from .yaml12 import SCALARS, Loader

DocumentPath = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

MAX_CHARACTERS = 1_000_000
MAX_VALUES = 100_000
MAX_DEPTH = 30
MOST_NAMED = 20
MOST_COMPARED = 100  # characters of a word: those that we know are not nearly as long
MOST_SHOWN = 80


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
    """All that is wrong with a document."""

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
    """Remembered: a slip comes again in every event of a batch, and looking costs more than all else about it."""
    close = get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return "leave it out"
    return f"write one of: {', '.join(names[:MOST_NAMED])}{', …' if len(names) > MOST_NAMED else ''}"


def load(text: str, name: str, model: type[Model], context: object = None) -> Model:
    """Read a document of this model. `name` is what faults call the file, `context` is for its validators.

    Raises:
        DocumentError: The text is no such document.
    """
    return YamlDocument(text, name).read(model, context)


class YamlDocument:
    """A YAML text, its values, and the line of each."""

    def __init__(self, text: str, name: str) -> None:
        """Parse the text.

        Raises:
            DocumentError: It is not YAML, or refused as a danger.
        """
        self.name = name
        self._lines: dict[DocumentPath, int] = {(): 1}
        self._faults: list[Violation] = []
        root = _composed(text, name)
        self.data: Any = {} if root is None else self._value(root, ())

    def read(self, model: type[Model], context: object = None) -> Model:
        """The document as this model.

        Raises:
            DocumentError: It is no such document.
        """
        instance, faults = self.check(model, context)
        if instance is None or faults:
            raise DocumentError(self.name, faults)
        return instance

    def check(self, model: type[Model], context: object = None) -> tuple[Model | None, list[Violation]]:
        """The document as this model, if it is one, and its faults."""
        try:
            return model.model_validate(self.data, context=context), list(self._faults)
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False)
            found = dict.fromkeys(self._fault(error, model) for error in self._told(errors))
            return None, [*self._faults, *found]

    def _told(self, errors: list[ErrorDetails]) -> list[ErrorDetails]:
        """Without those of alternatives that were not meant: of another kind than what has faults inside."""
        places = [(self._nearest(error["loc"]), error) for error in errors]
        entered = {place[:depth] for place, _ in places for depth in range(len(place))}
        entered |= {place for place, error in places if error["type"] == "missing"}
        return [error for place, error in places if place not in entered or not _is_of_kind(error)]

    def fault(self, place: DocumentPath, problem: str, fix: str) -> Violation:
        """A fault at this place of the document, or at the nearest to it that there is."""
        return Violation(self.line_of(place), _path(self._nearest(place)), problem, fix)

    def line_of(self, place: DocumentPath) -> int:
        """The line of this place of the document, or of the nearest to it that there is."""
        return self._lines[self._nearest(place)]

    def _nearest(self, place: DocumentPath) -> DocumentPath:
        nearest: DocumentPath = ()
        for step in place:  # a step may be the name of an alternative, which the document does not know
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

    def _value(self, node: Node, place: DocumentPath) -> Any:
        if len(self._lines) > MAX_VALUES or len(place) > MAX_DEPTH:
            problem = f"more than {MAX_VALUES} values, or {MAX_DEPTH} levels of them"
            raise DocumentError(self.name, [Violation(_line(node), "", problem, "write less, without aliases")])
        if isinstance(node, MappingNode):
            return dict(self._pairs(node, place))
        if isinstance(node, SequenceNode):
            return [self._item(each, (*place, n)) for n, each in enumerate(node.value)]
        return self._scalar(node, place)

    def _item(self, node: Node, place: DocumentPath) -> Any:
        self._lines[place] = _line(node)
        return self._value(node, place)

    def _pairs(self, node: MappingNode, place: DocumentPath) -> Iterator[tuple[Any, Any]]:
        for key_node, value_node in node.value:
            key = self._scalar(key_node, place)
            here = (*place, key)
            if here in self._lines:
                fix = f"leave one out; the other is on line {self._lines[here]}"
                self._faults.append(Violation(_line(key_node), _path(here), "this key is there twice", fix))
                continue
            self._lines[here] = _line(key_node)
            yield key, self._value(value_node, here)

    def _scalar(self, node: Node, place: DocumentPath) -> Any:
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
        told = broken.problem or broken.context or "this is not YAML"
        raise DocumentError(name, [Violation(line, "", told, "look at indents, colons and quotes")]) from None
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
    shown = _short(repr(given)) if isinstance(given, str | int | float | bool) else "this"
    if error["type"] in ("literal_error", "enum"):
        known = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"{shown} is not known here", did_you_mean(given, known)
    if wanted := WANTED.get(error["type"]):
        return f"{shown} does not fit", wanted.format(**context)
    return f"{shown} does not fit", error["msg"].removeprefix("Value error, ").replace("Input should be", "write")


def _short(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


WANTED: Mapping[str, str] = {
    "model_type": "write keys and values",
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
    reached: list[Any] = [model]
    for step in place:
        steps = [kind for each in reached for kind in _below(each, step)]
        reached = steps or _called(reached, step) or reached  # the name of an alternative leads nowhere
    models = [kind for each in reached for kind in _models(each)]
    return {field.alias or name for kind in models for name, field in kind.model_fields.items()}


def _called(kinds: list[Any], name: str | int) -> list[Any]:
    """The one of several alternatives that goes by this name: that it is the only word of one of its fields."""
    models = [model for kind in kinds for model in _models(kind)]
    return [each for each in models if any(get_args(f.annotation) == (name,) for f in each.model_fields.values())]


def _below(kind: Any, step: str | int) -> list[Any]:
    return [
        field.annotation
        for model in _models(kind)
        for name, field in model.model_fields.items()
        if step in (name, field.alias)
    ]


def _models(kind: Any) -> list[type[BaseModel]]:
    """The models that a type is made of, through lists, mappings and alternatives."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for each in get_args(kind) for model in _models(each)]
