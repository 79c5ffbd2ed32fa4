"""The sections of endpoints.yml of each kind, and the errors for everything else."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from streams.runtime.documents import DocumentError
from tests.component.delivery.connectors.harness import target_of
from workers.delivery.connectors import AnyTarget
from workers.delivery.endpoints import parse_endpoints

SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
HOOK = {"kind": "webhook", "url": "https://hooks.example.com/in"}
EMAIL: dict[str, Any] = {"kind": "email", "host": "mail.example.com", "from": "a@example.com", "to": ["b@example.com"]}


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
        {"kind": "hubspot-task", "token": secret},
        {"kind": "slack", "url": _url(secret)},
        {"kind": "teams", "url": _url(secret)},
        EMAIL,
    ]


def _url(secret: dict[str, str]) -> dict[str, str]:
    """The secret URL of a webhook, in a file beside the secret."""
    path = Path(secret["file"]).with_name("webhook-url")
    path.write_text(f"https://hooks.example.com/{SHARED}", encoding="utf-8")
    return {"file": str(path)}


@pytest.mark.parametrize("number", range(12))
def test_the_minimal_section_of_each_kind_is_valid(number: int, secret: dict[str, str]) -> None:
    section = _each(secret)[number]
    target = target_of(section)
    assert target.kind == section["kind"]
    assert SHARED not in repr(target)


# vendor: calls, within seconds; what its documents allow.
WINDOWS = {"hubspot-event": (100, 10), "hubspot-list": (100, 10), "hubspot-task": (100, 10), "customerio": (100, 1)}
WINDOWS |= {"marketo-campaign": (100, 20), "marketo-list": (100, 20), "slack": (60, 60), "teams": (4, 1)}


@pytest.mark.parametrize("number", [*range(1, 7), 8, 9, 10])
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
        (9, {"url": "https://hooks.slack.com/services/1/2/3"}),
        (9, {"link": "https://crm.example.com/{lead}"}),
        (9, {"link": "https://{lead_id}.example.com/"}),
        (9, {"link": "https://crm.example.com/{lead_id"}),
        (9, {"link": "https://crm.example.com/{lead_id!r}"}),
        (9, {"link": "https://crm.example.com/<{lead_id}>"}),
        (9, {"link": "javascript:alert(1)"}),
        (9, {"link": "crm.example.com/{lead_id}"}),
        (9, {"batch_size": 0}),
        (9, {"every_minutes": 1000}),
        (10, {"timezone": "Berlin"}),
        (11, {"from": "Leadloop"}),
        (11, {"from": "a@example.com\r\nBcc: eve@example.com"}),
        (11, {"from": "a@localhost"}),
        (11, {"to": []}),
        (11, {"to": ["b@example.com, eve@example.com"]}),
        (11, {"to": ["b b@example.com"]}),
        (11, {"user": "leadloop"}),
        (11, {"host": "mail.example.com:25"}),
        (11, {"host": "mail example"}),
        (11, {"tls": "off"}),
    ],
)
def test_a_section_that_its_vendor_would_reject_is_a_violation(
    number: int, more: dict[str, Any], secret: dict[str, str]
) -> None:
    with pytest.raises(DocumentError):
        target_of(_each(secret)[number] | more)


NO_ESCALATIONS = [
    (
        1,
        "ESCALATE has no escalate_event_name; write 'escalate_event_name: pe1234567_escalate'",
    ),
    (2, "it has no place for an escalation; leave ESCALATE out here, and add an endpoint of kind hubspot-task"),
    (3, "ESCALATE has no escalate_campaign; write 'escalate_campaign: 1071'"),
    (4, "it has no place for an escalation; leave ESCALATE out here, and add an endpoint of kind marketo-campaign"),
    (5, "ESCALATE has no escalation_fields; write 'escalation_fields: {leadloop_until: until}'"),
]


def _document(section: dict[str, Any], *actions: str) -> str:
    lines = [f"    {key}: {json.dumps(value)}" for key, value in section.items()]
    listed = [f"        - {action}" for action in actions]
    return "\n".join(["endpoints:", "  crm:", *lines, "    only:", "      actions:", *listed])


@pytest.mark.parametrize(("number", "said"), NO_ESCALATIONS)
def test_an_endpoint_that_cannot_send_escalations_is_reported_with_the_line_and_the_way_out(
    number: int, said: str, secret: dict[str, str]
) -> None:
    section = _each(secret)[number]
    with pytest.raises(DocumentError) as faults:
        parse_endpoints(_document(section, "RECYCLE", "ESCALATE"), "endpoints.yml")
    assert str(faults.value).startswith(f"endpoints.yml:{len(section) + 6}: endpoints.crm.only.actions[1]: ")
    assert said in str(faults.value)


def test_a_password_is_not_configured_without_encryption(secret: dict[str, str]) -> None:
    with pytest.raises(DocumentError, match="a password without encryption"):
        target_of(EMAIL | {"user": "leadloop", "password": secret, "tls": "none"})
    assert SHARED not in repr(target_of(EMAIL | {"user": "leadloop", "password": secret}))


@pytest.mark.parametrize("kind", ["slack", "teams"])
def test_a_secret_url_that_cannot_be_called_is_reported_and_not_shown(kind: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as faults:
        target_of({"kind": kind, "url": _secret(tmp_path, "http://hooks.example.com/s3cret")})
    assert "url: not encrypted" in str(faults.value)
    assert "s3cret" not in str(faults.value)


@pytest.mark.parametrize("number", [9, 10, 11])
@pytest.mark.parametrize("action", ["RECYCLE", "REVOKE"])
def test_a_message_to_people_is_for_escalations_only(number: int, action: str, secret: dict[str, str]) -> None:
    section = _each(secret)[number]
    with pytest.raises(DocumentError) as faults:
        parse_endpoints(_document(section, "ESCALATE", action), "endpoints.yml")
    assert str(faults.value).startswith(f"endpoints.yml:{len(section) + 6}: endpoints.crm.only.actions[1]: ")
    assert f"is for an escalation only; leave {action} out here" in str(faults.value)


def test_a_task_cannot_be_made_of_a_recycle(secret: dict[str, str]) -> None:
    with pytest.raises(DocumentError, match="a task is for an escalation only; leave RECYCLE out here"):
        parse_endpoints(_document(_each(secret)[8], "RECYCLE"), "endpoints.yml")


ESCALATING: list[tuple[int, dict[str, Any]]] = [
    (0, {}),
    (1, {"escalate_event_name": "pe1_e", "at_risk_event_name": "pe1_r"}),
    (3, {"escalate_campaign": 7, "at_risk_campaign": 8}),
    (5, {"escalation_fields": {"sales_until": "until"}}),
    (6, {}),
    (7, {}),
    *((number, {}) for number in range(8, 12)),
]


@pytest.mark.parametrize(("number", "more"), ESCALATING)
def test_an_endpoint_of_any_other_kind_subscribes_to_escalations(
    number: int, more: dict[str, Any], secret: dict[str, str]
) -> None:
    text = _document(_each(secret)[number] | more, "ESCALATE", "AT_RISK")
    _, (endpoint,) = parse_endpoints(text, "endpoints.yml")
    assert endpoint.target.actions == ("ESCALATE", "AT_RISK")


@pytest.mark.parametrize("number", range(12))
def test_without_actions_an_endpoint_gets_recycles_and_revokes_and_one_for_sales_gets_escalations(
    number: int, secret: dict[str, str]
) -> None:
    actions = target_of(_each(secret)[number]).actions
    of_sales = {8: ("ESCALATE",)} | dict.fromkeys((9, 10, 11), ("ESCALATE", "AT_RISK"))
    assert actions == of_sales.get(number, ("RECYCLE", "REVOKE"))


@pytest.mark.parametrize("is_whole", [False, True])
def test_the_example_endpoints_are_valid_with_and_without_the_commented_sections(
    is_whole: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (Path(__file__).parents[3] / "deploy/config/endpoints.yml").read_text(encoding="utf-8")
    if is_whole:
        text = re.sub(r"^  # (?= *[a-z_]+:( |$))", "  ", text, flags=re.MULTILINE)
    (tmp_path / "token").write_text(SHARED, encoding="utf-8")
    (tmp_path / "url").write_text("https://hooks.example.com/services/1", encoding="utf-8")
    text = text.replace("/run/secrets/hubspot-token", str(tmp_path / "token"))
    text = text.replace("/run/secrets/slack-url", str(tmp_path / "url"))
    text = text.replace("/run/secrets/mail-password", str(tmp_path / "token"))
    for name in re.findall(r"\{env: (\w+)\}", text):
        monkeypatch.setenv(name, SHARED)
    _, endpoints = parse_endpoints(text, "endpoints.yml")
    names = ["handover", "nurture", "tasks", "channel", "mail", "hubspot"]
    assert [endpoint.name for endpoint in endpoints] == names[: 6 if is_whole else 1]


def test_the_documented_example_is_valid_and_has_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[3] / "docs/delivery-vendors.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    example = example.replace("{file: /run/secrets/hubspot}", "{env: HUBSPOT_TOKEN}")
    for name in re.findall(r"\{env: (\w+)\}", example):
        monkeypatch.setenv(name, "https://hooks.example.com/services/1" if name.endswith("_URL") else SHARED)
    _, endpoints = parse_endpoints(example, "endpoints.yml")
    documented = re.findall(r"^\| `([a-z-]+)` \| .* \| .* \| .* \| .* \|$", text, re.MULTILINE)
    kinds = {endpoint.target.kind for endpoint in endpoints}  # type: ignore[attr-defined]  # each kind has one
    assert kinds == {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(AnyTarget)[0])}
    assert kinds == set(documented)
