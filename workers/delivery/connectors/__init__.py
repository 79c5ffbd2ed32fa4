"""The kinds of endpoints: the settings of each in endpoints.yml, and the connector that delivers to it.

To add a kind, add a module here and a line in each of the two lists below.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from workers.outbound import Client

from ..attempts import Connector
from ..target import Endpoint, Target
from .customerio import CustomerIo, CustomerIoTarget
from .hubspot import HubSpotEvents, HubSpotEventTarget, HubSpotLists, HubSpotListTarget
from .kafka_topic import KafkaTopic, KafkaTopicTarget, Produce
from .marketo import MarketoCampaigns, MarketoCampaignTarget, MarketoLists, MarketoListTarget
from .mautic import Mautic, MauticTarget
from .webhook import Webhook, WebhookTarget

AnyTarget = Annotated[
    WebhookTarget
    | HubSpotEventTarget
    | HubSpotListTarget
    | MarketoCampaignTarget
    | MarketoListTarget
    | MauticTarget
    | CustomerIoTarget
    | KafkaTopicTarget,
    Field(discriminator="kind"),
]


_CONNECTORS: Mapping[type[Target], Callable[[Any, Client, Callable[[], float]], Connector]] = {
    WebhookTarget: Webhook,
    HubSpotEventTarget: HubSpotEvents,
    HubSpotListTarget: HubSpotLists,
    MarketoCampaignTarget: MarketoCampaigns,
    MarketoListTarget: MarketoLists,
    MauticTarget: Mautic,
    CustomerIoTarget: CustomerIo,
}


def connector_of(endpoint: Endpoint, client: Client, now: Callable[[], float], produce: Produce) -> Connector:
    """Make the connector of an endpoint.

    Args:
        endpoint: Its target's type selects the connector.
        client: Shared by all connectors; not closed by them.
        now: Seconds since 1970.
        produce: For endpoints that are Kafka topics.
    """
    target = endpoint.target
    if isinstance(target, KafkaTopicTarget):
        return KafkaTopic(target, produce)
    return _CONNECTORS[type(target)](target, client, now)


__all__ = ["AnyTarget", "Produce", "connector_of"]
