"""The filters of endpoints.yml alone, for readers that must not need the secrets that it refers to."""

from collections.abc import Mapping
from typing import get_args

from pydantic import BaseModel, ConfigDict

from streams.runtime.documents import YamlDocument

from .connectors import AnyTarget
from .events import RECYCLES, DeliveryAction
from .target import Only, Target


class _Section(BaseModel):
    """Everything else of an endpoint is for deliver to check."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: str
    only: Only = Only()


class _Sections(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    endpoints: dict[str, _Section]


def read_filters(text: str, name: str) -> Mapping[str, Target]:
    """What each endpoint wants, by its name. Of the targets that are returned, only the filter is that of the file.

    Args:
        text: YAML.
        name: The name of the document in messages.

    Raises:
        DocumentError: A filter is invalid.
    """
    sections = YamlDocument(text, name).read(_Sections).endpoints
    return {endpoint: Target(only=_with_actions(section)) for endpoint, section in sections.items()}


def _with_actions(section: _Section) -> Only:
    return section.only.model_copy(update={"actions": section.only.actions or _default_actions(section.kind)})


def _default_actions(kind: str) -> tuple[DeliveryAction, ...]:
    union, *_ = get_args(AnyTarget)
    kinds = (target for target in get_args(union) if kind in get_args(target.model_fields["kind"].annotation))
    return next((target.DEFAULT_ACTIONS for target in kinds), RECYCLES)
