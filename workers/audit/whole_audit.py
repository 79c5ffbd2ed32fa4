"""Wires the audit of one deployment from its settings."""

from schemas.codec import Codec
from streams.domain.policy import Policy
from streams.policy_watch import read_policy
from streams.runtime.settings import AuditSettings

from .kafka_log import KafkaLog
from .lead_audit import LeadAuditor
from .lead_records import LeadReader
from .looks import Looks
from .result import AuditResult, OnAuditProgress
from .run import AuditRequest, AuditRun


def audit_deployment(
    settings: AuditSettings,
    codec: Codec,
    request: AuditRequest,
    result: AuditResult,
    on_progress: OnAuditProgress = lambda _: None,
) -> AuditResult:
    """Audit the deployment that the settings name.

    Args:
        settings: Where Kafka is, and the policy in force.
        codec: Decodes the records.
        request: What to audit.
        result: Where differences are counted and named.
        on_progress: Called from time to time, always with the same object.

    Raises:
        UserError: A topic is missing, or the policy file is not valid.
        KafkaException: Kafka does not answer, or denies access.
    """
    policy = Policy() if settings.policy_file is None else read_policy(settings.policy_file)
    log = KafkaLog(settings.kafka.librdkafka(), settings.topic_prefix, settings.app_id)
    grace_ms = int(settings.grace_seconds * 1000)
    looks = Looks(LeadReader(codec), LeadAuditor(policy, settings.memory_facts), result, grace_ms)
    return AuditRun(request, log, looks, result, on_progress).run()
