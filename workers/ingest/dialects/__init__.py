"""The webhook dialects of upstream systems: how each signs requests, and how its items are named.

One module per dialect; `DIALECTS` is the table of them. A mapping file defines what an item means.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from . import espocrm, hubspot, pipedrive, salesforce, segment, standard, twenty
from .items import DialectName, WebhookDialect

DIALECTS: Mapping[DialectName, WebhookDialect] = MappingProxyType(
    {
        "hubspot": hubspot.DIALECT,
        "salesforce": salesforce.DIALECT,
        "pipedrive": pipedrive.DIALECT,
        "segment": segment.DIALECT,
        "standard-webhooks": standard.DIALECT,
        "espocrm": espocrm.DIALECT,
        "twenty": twenty.DIALECT,
    }
)
"""All dialects by name."""

NAMES: tuple[DialectName, ...] = get_args(DialectName)
