"""The dialects of upstream systems: how each signs what it sends, and what its items are called.

Each module reads one; `DIALECTS` is the table of them. What an item means is not said here but in a mapping file.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from . import hubspot, pipedrive, salesforce, segment, standard
from .items import DialectName, WebhookDialect

DIALECTS: Mapping[DialectName, WebhookDialect] = MappingProxyType(
    {
        "hubspot": hubspot.DIALECT,
        "salesforce": salesforce.DIALECT,
        "pipedrive": pipedrive.DIALECT,
        "segment": segment.DIALECT,
        "standard-webhooks": standard.DIALECT,
    }
)
"""Every dialect by its name."""

NAMES: tuple[DialectName, ...] = get_args(DialectName)
