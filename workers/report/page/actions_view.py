"""The parts of Delivery about what operators can do and did, and the page that asks for a confirmation."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from htpy import Node, a, bdi, button, div, form, fragment, input, label, p, q, tbody, td, th, tr  # noqa: A004

from schemas.events import EndpointState
from workers.delivery.operator_actions import OperatorAction, OperatorActs
from workers.report.access.form_tokens import FIELD
from workers.report.actions import Actions

from .frame import Shown, column, missing, part, sheet
from .page_source import Source
from .phrases import Clock, address

ACT_PATH = "/delivery/act"
SHOWN = 20
QUESTIONS: dict[OperatorActs, str] = {
    "pause": "Pause {}?",
    "resume": "Resume {}?",
    "replay": "Send failed deliveries to {} again?",
}
_MEANS: dict[OperatorActs, str] = {
    "pause": "Nothing is sent to it until it is resumed. What is due waits, and no event is lost.",
    "resume": "What waits is sent, within its limits.",
    "replay": "Every delivery to it whose newest outcome is failed is attempted once more, with all its attempts. What "
    "was accepted is never sent again. With many events this takes some minutes.",
}
_BUTTONS: dict[OperatorActs, str] = {"pause": "Pause it", "resume": "Resume it", "replay": "Send them again"}
_DID: dict[OperatorActs, str] = {"pause": "paused", "resume": "resumed", "replay": "failed deliveries sent again"}
_STATES = {"paused": "paused", "disabled": "switched off: it answered that it is gone"}


def actions_part(source: Source, tools: Iterable[str]) -> Node:
    """How tools stand, with what an operator may do about it, and what was done last."""
    actions, reader = source.actions, source.reader
    if actions is None:
        return part(
            "Pause, resume, send again",
            missing(
                "Not available here: this process has no access to Kafka. Whoever runs Leadloop can give it to "
                "leadloop report (KAFKA_BOOTSTRAP_SERVERS, and the rights of leadloop-report), or use the commands "
                "leadloop endpoints and leadloop deliveries."
            ),
        )
    names = sorted({*tools, *actions.log.endpoints()})
    may_act = reader is not None and reader.is_operator
    head = [column("Tool", ""), column("State", ""), column("Since", ""), *([column("Actions", "")] if may_act else [])]
    rows = [_row(name, actions.log.state(name), source.clock, may_act=may_act) for name in names]
    table = sheet("State of the tools", head, [tbody[rows]]) if rows else missing("No tool is known yet.")
    note = None if may_act else "An operator can pause and resume tools here, and send again what failed."
    return fragment[
        part("Pause, resume, send again", _trouble(actions), table, note=note),
        part("What was done", _done(actions.log.actions()[:SHOWN], source.clock), anchor="done"),
    ]


def _trouble(actions: Actions) -> Node:
    if actions.log.trouble:
        return missing(f"What Kafka says about the tools cannot be read: {actions.log.trouble}")
    return None if actions.log.is_read else missing("The states are being read; reload in a few seconds.")


def _row(name: str, state: EndpointState | None, clock: Clock, *, may_act: bool) -> Node:
    words = _STATES.get(state.state, "active") if state else "active"
    since = clock.when(_instant(state.occurred_at)) if state and state.occurred_at else "–"
    said = fragment[" by ", bdi[state.by], _because(state.why)] if state else None
    choices: tuple[OperatorActs, ...] = ("pause", "replay") if words == "active" else ("resume", "replay")
    links = [fragment[a(href=address(ACT_PATH, action=one, endpoint=name))[_NAMES[one]], " "] for one in choices]
    return tr[th(scope="row")[bdi[name]], td[words], td[since, said], td[links] if may_act else None]


_NAMES: dict[OperatorActs, str] = {"pause": "Pause…", "resume": "Resume…", "replay": "Send failed again…"}


def _done(actions: Sequence[OperatorAction], clock: Clock) -> Node:
    if not actions:
        return missing("Nothing yet. Every action is listed here, those of the command line too.")
    head = [column(name, "") for name in ("When", "Who", "What", "Outcome")]
    rows = [
        tr[
            td[clock.when(_instant(one.at))],
            td[bdi[one.by]],
            td[
                bdi[one.endpoint or "all tools"],
                ": ",
                _DID[one.action],
                fragment[" – ", q[bdi[one.why]]] if one.why else None,
            ],
            td[_ended(one)],
        ]
        for one in actions
    ]
    return sheet("What operators did", head, [tbody[rows]])


def _because(why: str) -> Node:
    return fragment[" – ", q[bdi[why]]] if why else None


def _ended(action: OperatorAction) -> Node:
    match action.outcome:
        case "done":
            return bdi[action.detail or "done"]
        case "failed":
            return fragment["failed: ", bdi[action.detail]]
        case "requested":
            return "not known yet; repeating it does no harm"


def confirmation(action: OperatorActs, endpoint: str, token: str) -> Shown:
    """The page that asks whether an operator means it."""
    content = form(".sign-in", method="post", action=ACT_PATH)[
        input(type="hidden", name="action", value=action),
        input(type="hidden", name="endpoint", value=endpoint),
        input(type="hidden", name=FIELD, value=token),
        label(for_="why")["Why? (it stands in the record)"],
        input("#why", type="text", name="why", maxlength="200", autocomplete="off"),
        button(type="submit")[_BUTTONS[action]],
        p[a(href="/delivery")["No, go back"]],
    ]
    return Shown(QUESTIONS[action].format(endpoint), _MEANS[action], div[content], "/delivery")


def _instant(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
