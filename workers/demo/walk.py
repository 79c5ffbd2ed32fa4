"""The curl commands that follow one lead through the loop, as in the README and in `leadloop demo --stay`."""

from collections.abc import Mapping

NAMES = ("INGEST", "MARKETING", "REPORT", "KEY")
_NOW = "'$(date -u +%FT%TZ)'"


def _post(fact: str) -> str:
    return (
        "curl -sS -w '\\n' $INGEST/v1/events -H \"Authorization: Bearer $KEY\""
        f" -H 'Content-Type: application/json' -d '\n  {fact.replace('NOW', _NOW)}'"
    )


STEPS: tuple[tuple[str, str], ...] = (
    (
        "Grace fills in a form.",
        _post('{"kind": "lead-created", "lead_id": "grace", "occurred_at": "NOW", "origin": "webinar"}'),
    ),
    (
        "Sales calls her.",
        _post('{"kind": "lead-contacted", "lead_id": "grace", "occurred_at": "NOW", "outcome": "no_answer"}'),
    ),
    (
        "Sales reports her as stalled.",
        _post('{"kind": "lead-stalled", "lead_id": "grace", "occurred_at": "NOW", "reason": "no_capacity"}'),
    ),
    (
        "A moment later the marketing tool has received the RECYCLE and verified its signature.",
        "curl -sS -w '\\n' $MARKETING/leads/grace",
    ),
    (
        "She writes back. Query the marketing tool again: it received a REVOKE, and she is out of nurture.",
        _post('{"kind": "lead-contacted", "lead_id": "grace", "occurred_at": "NOW", "direction": "inbound"}'),
    ),
    (
        "Everything that is known about her.",
        "curl -sS -w '\\n' $REPORT/v1/leads/grace -H \"Authorization: Bearer $KEY\"",
    ),
)


def commands() -> str:
    """The steps, to copy one after the other."""
    return "\n\n".join(f"# {says}\n{curl}" for says, curl in STEPS)


def exported(values: Mapping[str, str]) -> str:
    """The `export` line for these values, in the order of `NAMES`."""
    return "export " + " ".join(f"{name}={values[name]}" for name in NAMES)
