"""The kinds of endpoints: the settings of each in endpoints.yml, and the connector that delivers to it.

To add a kind, add a module here, its settings to `AnyTarget`, and its connector to `connector_of`.
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from workers.outbound import Client

from ..attempts import Connector
from ..target import Endpoint
from .customerio import CustomerIo, CustomerIoTarget
from .hubspot import HubSpotEvents, HubSpotEventTarget, HubSpotLists, HubSpotListTarget
from .hubspot_task import HubSpotTasks, HubSpotTaskTarget
from .kafka_topic import KafkaTopic, KafkaTopicTarget, Produce
from .marketo import MarketoCampaigns, MarketoCampaignTarget, MarketoLists, MarketoListTarget
from .mautic import Mautic, MauticTarget
from .webhook import Webhook, WebhookTarget

AnyTarget = Annotated[
    WebhookTarget
    | HubSpotEventTarget
    | HubSpotListTarget
    | HubSpotTaskTarget
    | MarketoCampaignTarget
    | MarketoListTarget
    | MauticTarget
    | CustomerIoTarget
    | KafkaTopicTarget,
    Field(discriminator="kind"),
]


def connector_of(endpoint: Endpoint, client: Client, now: Callable[[], float], produce: Produce) -> Connector:
    """Make the connector of an endpoint.

    Args:
        endpoint: Its target's type selects the connector.
        client: Shared by all connectors; not closed by them.
        now: Seconds since 1970.
        produce: For endpoints that are Kafka topics.
    """
    connector: Connector
    match endpoint.target:
        case WebhookTarget() as target:
            connector = Webhook(target, client, now)
        case HubSpotEventTarget() as target:
            connector = HubSpotEvents(target, client, now)
        case HubSpotListTarget() as target:
            connector = HubSpotLists(target, client, now)
        case HubSpotTaskTarget() as target:
            connector = HubSpotTasks(target, client, now)
        case MarketoCampaignTarget() as target:
            connector = MarketoCampaigns(target, client, now)
        case MarketoListTarget() as target:
            connector = MarketoLists(target, client, now)
        case MauticTarget() as target:
            connector = Mautic(target, client, now)
        case CustomerIoTarget() as target:
            connector = CustomerIo(target, client, now)
        case KafkaTopicTarget() as target:
            connector = KafkaTopic(target, produce)
        case unknown:
            raise TypeError(f"no connector for {type(unknown).__name__}")
    return connector


__all__ = ["AnyTarget", "Produce", "connector_of"]
