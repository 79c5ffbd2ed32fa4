"""The sections of endpoints.yml of each kind, and the errors for everything else."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from schemas.events import LeadRecycled
from schemas.headers import Headers
from streams.runtime.documents import DocumentError
from tests.component.delivery.connectors.harness import a_recycle, a_request, a_revoke, target_of
from workers.delivery.attempts import Accepted, Retry
from workers.delivery.connectors import AnyTarget, connector_of
from workers.delivery.connectors.kafka_topic import KafkaTopic, KafkaTopicTarget
from workers.delivery.connectors.payload import FIELDS, ulid_of, uuid_of
from workers.delivery.endpoints import parse_endpoints
from workers.delivery.target import Endpoint
from workers.kafka import Full, Undelivered

SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
HOOK = {"kind": "webhook", "url": "https://hooks.example.com/in"}


@pytest.fixture
def secret(tmp_path: Path) -> dict[str, str]:
    return _secret(tmp_path, SHARED)


def _secret(folder: Path, value: str) -> dict[str, str]:
    path = folder / f"secret{len(list(folder.iterdir()))}"
    path.write_text(value, encoding="utf-8")
    return {"file": str(path)}


def _each(secret: dict[str, str]) -> list[dict[str, Any]]:
    marketo = {"url": "https://123-abc-456.mktorest.com", "client_id": secret, "client_secret": secret}
    return [
        HOOK | {"secrets": [secret]},
        {"kind": "hubspot-event", "token": secret, "event_name": "pe123_lead_recycled"},
        {"kind": "hubspot-list", "token": secret, "lists": {"*": 31}},
        {"kind": "marketo-campaign", "campaigns": {"*": 11}} | marketo,
        {"kind": "marketo-list", "lists": {"*": 21}} | marketo,
        {"kind": "mautic", "url": "https://mautic.example.com", "user": "u", "password": secret, "campaigns": {"*": 3}},
        {"kind": "customerio", "site_id": secret, "api_key": secret},
        {"kind": "kafka", "topic": "crm.recycles"},
    ]


@pytest.mark.parametrize("number", range(8))
def test_the_minimal_section_of_each_kind_is_valid(number: int, secret: dict[str, str]) -> None:
    section = _each(secret)[number]
    target = target_of(section)
    assert target.kind == section["kind"]
    assert SHARED not in repr(target)


# vendor: calls, within seconds; what its documents allow.
WINDOWS = {"hubspot-event": (100, 10), "hubspot-list": (100, 10), "customerio": (100, 1)}
WINDOWS |= {"marketo-campaign": (100, 20), "marketo-list": (100, 20)}


@pytest.mark.parametrize("number", range(1, 7))
def test_the_default_limits_stay_within_the_limit_of_the_vendor(number: int, secret: dict[str, str]) -> None:
    target = target_of(_each(secret)[number])
    most, seconds = WINDOWS.get(target.kind, (1_000_000, 1))
    limits = target.effective_limits
    assert (limits.burst + limits.per_second * seconds) * target.max_calls <= most
    assert target.kind not in ("marketo-campaign", "marketo-list") or limits.concurrency <= 10


def test_configured_limits_are_used_unchanged(secret: dict[str, str]) -> None:
    target = target_of(_each(secret)[2] | {"limits": {"per_second": 19}})
    assert target.effective_limits.per_second == 19


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (HOOK | {"url": "http://hooks.example.com/in"}, "allow_http"),
        (HOOK | {"url": "https://user:pw@hooks.example.com/in"}, "a user or password"),
        (HOOK | {"url": "https://hooks.example.com:8443/in"}, "ports: [8443]"),
        (HOOK | {"url": "file:///etc/passwd"}, "neither https nor http"),
        (HOOK | {"url": "https://2130706433/"}, "four decimal numbers"),
        (HOOK | {"secrets": []}, "at least one"),
        (HOOK | {"secrets": ["whsec_in-the-document"]}, "does not fit"),
        ({"kind": "webhook"}, "'url' is missing"),
        ({"kind": "webhok"}, "webhook"),
    ],
)
def test_an_invalid_webhook_is_rejected_with_the_fix(
    section: dict[str, Any], said: str, secret: dict[str, str]
) -> None:
    with pytest.raises(DocumentError) as faults:
        target_of({"secrets": [secret]} | section if section["kind"] == "webhook" else section)
    assert said in str(faults.value)


@pytest.mark.parametrize("value", ["hunter2", PUBLIC, "whsec_AAAA"])
def test_an_invalid_secret_is_reported_and_not_shown(value: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as faults:
        target_of(HOOK | {"secrets": [_secret(tmp_path, value)]})
    assert "whsk_" in str(faults.value)
    assert value not in str(faults.value)


@pytest.mark.parametrize(
    ("number", "more"),
    [
        (1, {"event_name": "lead_recycled"}),
        (1, {"properties": {"Reason": "reason"}}),
        (1, {"properties": {"reason": "why"}}),
        (2, {"lists": {}}),
        (2, {"lists": {"*": 0}}),
        (2, {"lists": {"*": "newsletter"}}),
        (3, {"tokens": {"my.reason": "reason"}}),
        (3, {"url": "https://123-abc-456.mktorest.com?x=1"}),
        (5, {"segments": {"*": 5}}),
        (5, {"campaigns": {}}),
        (6, {"event_name": " "}),
        (7, {"topic": "lead-recycled"}),
        (7, {"topic": "no topic"}),
        (7, {"url": "https://example.com"}),
    ],
)
def test_a_section_that_its_vendor_would_reject_is_a_violation(
    number: int, more: dict[str, Any], secret: dict[str, str]
) -> None:
    with pytest.raises(DocumentError):
        target_of(_each(secret)[number] | more)


def test_the_selectable_fields_are_those_of_the_event() -> None:
    assert set(FIELDS) == set(LeadRecycled.__struct_fields__) - {"source", "recorded_at"}


def test_request_ids_are_stable_over_attempts_and_differ_by_message() -> None:
    recycle, revoke = a_recycle(), a_revoke()
    for id_of in (uuid_of, ulid_of):
        assert id_of(a_request(recycle)) == id_of(a_request(recycle, attempt=5))
        assert len({id_of(a_request(event)) for event in (recycle, revoke, a_recycle("8"))}) == 3


def test_a_ulid_holds_the_time_of_the_event() -> None:
    ulid = ulid_of(a_request())
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = 0
    for letter in ulid:
        number = number * 32 + alphabet.index(letter)
    assert len(ulid) == 26
    assert number >> 80 == a_recycle().occurred_at


class FakeTopic:
    """Takes what is produced, or raises."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.taken: list[tuple[str, LeadRecycled, Headers]] = []
        self._fault = fault

    async def __call__(self, topic: str, event: LeadRecycled, headers: Headers) -> None:
        if self._fault:
            raise self._fault
        self.taken.append((topic, event, headers))


def _to(produce: FakeTopic) -> KafkaTopic:
    target = target_of({"kind": "kafka", "topic": "crm.recycles"})
    assert isinstance(target, KafkaTopicTarget)
    connector = connector_of(Endpoint("crm", target), None, lambda: 0.0, produce)  # type: ignore[arg-type]  # no HTTP
    assert isinstance(connector, KafkaTopic)
    return connector


async def test_a_topic_endpoint_receives_the_event_unchanged_and_the_ack_is_its_acceptance() -> None:
    topic, trace = FakeTopic(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert await _to(topic).deliver([a_request(traceparent=trace)]) == [Accepted(None)]
    ((name, event, headers),) = topic.taken
    assert (name, event) == ("crm.recycles", a_recycle())
    assert dict(headers)["ce_id"] == b"r7"
    assert dict(headers)["traceparent"] == trace.encode()


async def test_a_topic_endpoint_without_an_ack_is_retried() -> None:
    assert await _to(FakeTopic(Undelivered("timed out"))).deliver([a_request()]) == [
        Retry("not acknowledged by Kafka: timed out")
    ]
    (outcome,) = await _to(FakeTopic(Full("full"))).deliver([a_request()])
    assert isinstance(outcome, Retry)
    assert outcome.throttled


@pytest.mark.parametrize("is_whole", [False, True])
def test_the_example_endpoints_are_valid_with_and_without_the_commented_sections(
    is_whole: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (Path(__file__).parents[3] / "deploy/config/endpoints.yml").read_text(encoding="utf-8")
    if is_whole:
        text = re.sub(r"^  # (?= *[a-z_]+:( |$))", "  ", text, flags=re.MULTILINE)
    (tmp_path / "token").write_text(SHARED, encoding="utf-8")
    text = text.replace("/run/secrets/hubspot-token", str(tmp_path / "token"))
    for name in re.findall(r"\{env: (\w+)\}", text):
        monkeypatch.setenv(name, SHARED)
    _, endpoints = parse_endpoints(text, "endpoints.yml")
    assert [endpoint.name for endpoint in endpoints] == ["handover", "nurture", "hubspot"][: 3 if is_whole else 1]


def test_the_documented_example_is_valid_and_has_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[3] / "docs/delivery-vendors.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    example = example.replace("{file: /run/secrets/hubspot}", "{env: HUBSPOT_TOKEN}")
    for name in re.findall(r"\{env: (\w+)\}", example):
        monkeypatch.setenv(name, SHARED)
    _, endpoints = parse_endpoints(example, "endpoints.yml")
    documented = re.findall(r"^\| `([a-z-]+)` \| .* \| .* \| .* \| .* \|$", text, re.MULTILINE)
    kinds = {endpoint.target.kind for endpoint in endpoints}  # type: ignore[attr-defined]  # each kind has one
    assert kinds == {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(AnyTarget)[0])}
    assert kinds == set(documented)
