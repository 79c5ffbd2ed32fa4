"""The kinds of endpoints: the settings of each in endpoints.yml, and the connector that delivers to it.

To add a kind, add a module here, its settings to `AnyTarget`, and its connector to `_MAKERS`.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from workers.outbound import Client

from ..attempts import Connector
from ..target import Endpoint, Target
from .chat import Slack, SlackTarget, Teams, TeamsTarget
from .customerio import CustomerIo, CustomerIoTarget
from .email_message import Email, EmailTarget
from .hubspot import HubSpotEvents, HubSpotEventTarget
from .hubspot_list import HubSpotLists, HubSpotListTarget
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
    | SlackTarget
    | TeamsTarget
    | EmailTarget
    | KafkaTopicTarget,
    Field(discriminator="kind"),
]


_MAKERS: Mapping[type[Target], Callable[[Any, Client, Callable[[], float]], Connector]] = {
    WebhookTarget: Webhook,
    HubSpotEventTarget: HubSpotEvents,
    HubSpotListTarget: HubSpotLists,
    HubSpotTaskTarget: HubSpotTasks,
    MarketoCampaignTarget: MarketoCampaigns,
    MarketoListTarget: MarketoLists,
    MauticTarget: Mautic,
    CustomerIoTarget: CustomerIo,
    SlackTarget: Slack,
    TeamsTarget: Teams,
    EmailTarget: Email,
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
    make = _MAKERS.get(type(target))
    if make is None:
        raise TypeError(f"no connector for {type(target).__name__}")
    return make(target, client, now)


__all__ = ["AnyTarget", "Produce", "connector_of"]
