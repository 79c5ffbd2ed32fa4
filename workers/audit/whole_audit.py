"""Wires the audit of one deployment from its settings."""

from schemas.codec import Codec
from streams.domain.policy import Policy
from streams.policy_watch import read_policy
from streams.runtime.settings import AuditSettings
from workers.console import text_of
from workers.delivery.filters import read_filters
from workers.read_model.redis_clients import connect

from .delivery_audit import DeliveryAuditor
from .kafka_log import KafkaLog
from .lead_audit import LeadAuditor
from .lead_records import LeadReader
from .looks import Looks
from .model_audit import ModelAuditor
from .model_reader import ModelReader
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
        settings: Where Kafka is, the policy in force, the filters of the endpoints if there is a file of them, and the
            read model if Redis has an address.
        codec: Decodes the records.
        request: What to audit.
        result: Where differences are counted and named.
        on_progress: Called from time to time, always with the same object.

    Raises:
        UserError: A topic is missing, or the policy or endpoints file is not valid;
            or the read model cannot be read (ModelUnreadable).
        KafkaException: Kafka does not answer, or denies access.
    """
    policy = Policy() if settings.policy_file is None else read_policy(settings.policy_file)
    log = KafkaLog(settings.kafka.librdkafka(), settings.topic_prefix, settings.app_id)
    grace_ms = int(settings.grace_seconds * 1000)
    filters = None if (file := settings.endpoints_file) is None else read_filters(text_of(file), str(file))
    auditors = LeadAuditor(policy, settings.memory_facts), DeliveryAuditor(filters)
    model = ModelAuditor(_model_reader(settings, codec, log), codec, has_all=not request.since)
    looks = Looks(LeadReader(codec), *auditors, model, result, grace_ms)
    return AuditRun(request, log, looks, result, on_progress).run()


def _model_reader(settings: AuditSettings, codec: Codec, log: KafkaLog) -> ModelReader | None:
    if not settings.redis_url:
        return None
    return ModelReader(connect(settings.redis_url), settings.app_id, codec, log.partitions())
