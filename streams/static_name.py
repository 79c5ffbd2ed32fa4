"""Who has a fixed name (LEADLOOP_INSTANCE_ID) in the consumer group of streams."""

import logging

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.runtime.settings import StreamsSettings

log = logging.getLogger("streams")
_ANSWER_SECONDS = 5.0


def replaced_by(settings: StreamsSettings, member_id: str) -> str:
    """Return in words who has the name of this worker, if another process has it; otherwise an empty text.

    Args:
        settings: of this worker.
        member_id: its id in the group, from its last assignment.
    """
    if not settings.instance_id:
        return ""
    try:
        admin = AdminClient(settings.kafka.librdkafka())
        (group,) = admin.describe_consumer_groups([settings.app_id], request_timeout=_ANSWER_SECONDS).values()
        members = group.result(2 * _ANSWER_SECONDS).members
    except (KafkaException, TimeoutError) as error:
        log.warning("who has LEADLOOP_INSTANCE_ID=%s cannot be found out: %s", settings.instance_id, error)
        return ""
    for one in members:
        if one.group_instance_id == settings.instance_id and one.member_id != member_id:
            return (
                f"another worker, at {one.host}, has joined the group {settings.app_id} with "
                f"LEADLOOP_INSTANCE_ID={settings.instance_id}, so this one ends: give each worker a name of its own"
            )
    return ""
