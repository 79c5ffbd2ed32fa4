"""The Loop: the dashboard for marketing and sales. Promises, stalls, recycles, later passes, won deals."""

from grafana_foundation_sdk.builders import dashboard as sdk

from .boards import board, with_rows
from .escalations import escalations
from .panels import GREEN, ORANGE, RED, YELLOW, bars, graph, number, rows
from .queries import EVENTS, grown, of_created, quantile, rate, series, total, within

LOST = float("-inf")
AN_HOUR, A_DAY = "3600.0", "86400.0"
FUNNEL = "leadloop_funnel_leads"
CONTACT = "leadloop_first_contact_seconds"


def dashboard() -> sdk.Dashboard:
    """Funnel, stalls, recycles and time to first touch, by origin."""
    words = (
        "Which leads are overdue, where leads stall, which leads are recycled to marketing, and which of these are requalified "
        "and won. Marketing and sales see the same numbers. A pass is one journey of a lead from marketing to sales."
    )
    return with_rows(
        board("loop", "Leadloop / The Loop", words, opens_at="now-7d", by_origin=True, has_page=True),
        (
            ("Current state", _stands()),
            ("Funnel by origin", _funnel()),
            ("Stalls and decisions", _cold()),
            ("Escalations", escalations()),
            ("Recycles, revokes and later passes", _back()),
            ("Time to first touch", _contact()),
        ),
    )


def _reached(step: str, *more: str, by: str = "") -> str:
    return total(FUNNEL, EVENTS, f'step="{step}"', *more, by=by)


def _conversion(step: str, of: str, by: str = "") -> str:
    return f"{_reached(step, by=by)} / ({_reached(of, by=by)} > 0)"


def _within_6h(action: str) -> str:
    matcher = f'action="{action}"'
    return f"sum(increase({series('leadloop_decisions_total', matcher)}[6h]))"


def _stands() -> tuple[object, ...]:
    return (
        number(
            "Overdue leads",
            "Leads that stalled because a promise was broken, and were not touched since. Recycled ones are with marketing, the others with sales.",
            "short",
            total("leadloop_overdue_leads"),
        ),
        number(
            "Leads in nurture",
            "Leads that were recycled and are with marketing now (stage nurture).",
            "short",
            total("leadloop_leads", EVENTS, 'stage="nurture"'),
        ),
        number(
            "Recycled",
            "RECYCLE decisions in the selected time range.",
            "short",
            grown("leadloop_decisions_total", 'action="RECYCLE"'),
        ),
        number(
            "Revoked",
            "REVOKE decisions in the selected time range: the RECYCLE no longer stood, mostly because the lead was touched.",
            "short",
            grown("leadloop_decisions_total", 'action="REVOKE"'),
        ),
        number(
            "Requalified",
            "Passes that began after a lead had been recycled: marketing passed it to sales again.",
            "short",
            _reached("created", 'pass!="1"'),
        ),
        number(
            "Won in a later pass",
            "Passes after the first that ended with a won deal.",
            "short",
            _reached("won", 'pass!="1"'),
        ),
        bars(
            "Leads by stage",
            "Every known lead, counted once: new, worked by sales, stalled, in nurture, lost or won.",
            "short",
            (total("leadloop_leads", EVENTS, by="stage"), "{{stage}}"),
            span=12,
        ),
        bars(
            "Overdue leads by broken promise",
            "never_contacted: no touch at all. no_follow_up: no further touch. no_progress: touches without a result. attempts_exhausted: the maximum number of touches without progress was reached.",
            "short",
            (total("leadloop_overdue_leads", by="reason"), "{{reason}}"),
            span=12,
        ),
    )


def _funnel() -> tuple[object, ...]:
    steps = ("created", "touched", "progressed", "stalled", "recycled", "won", "lost")
    shares = (
        ("touched", "created", "touched"),
        ("progressed", "touched", "progressed, of those touched"),
        ("won", "created", "won"),
    )
    return (
        bars(
            "Passes by funnel step",
            "Passes that reached each step, over all selected origins. A pass counts once per step, however often it was touched.",
            "short",
            *((_reached(step), step) for step in steps),
            span=8,
        ),
        rows(
            "Passes by origin",
            "Number of passes that reached each step, one row per origin.",
            "short",
            *((_reached(step, by="origin"), step) for step in steps),
            span=16,
            height=8,
        ),
        *(
            bars(
                f"Conversion by origin: {name}",
                f"Of the passes that reached the step {of}, the share that also reached the step {step}. The table above has the counts; a share of few passes is not significant.",
                "percentunit",
                (_conversion(step, of, by="origin"), "{{origin}}"),
                limits=_conversion_limits(step),
            )
            for step, of, name in shares
        ),
    )


def _conversion_limits(step: str) -> tuple[tuple[float, str], ...]:
    """Only "touched" has limits: half of all leads never being touched is the problem that Leadloop addresses."""
    return ((LOST, RED), (0.5, ORANGE), (0.8, GREEN)) if step == "touched" else ()


def _cold() -> tuple[object, ...]:
    return (
        graph(
            "Stalls by broken promise",
            "Stalls declared by the detector, per hour.",
            "short",
            (f"3600 * {rate('leadloop_stalls_total', by='reason')}", "{{reason}}"),
            is_stacked=True,
            span=12,
        ),
        graph(
            "Decisions by action",
            "Decisions per hour. RECYCLE: handed back to marketing. HOLDOUT: not recycled, as the control group. HOLD: evaluated again at a date. ESCALATE: sales has until a date to act. SUPPRESS: a gate is closed. RETIRE: never recycled again. REVOKE: withdraws a RECYCLE.",
            "short",
            (f"3600 * {rate('leadloop_decisions_total', by='action')}", "{{action}}"),
            is_stacked=True,
            span=12,
        ),
        rows(
            "Decisions by action and why",
            "Decisions in the selected time range with their reason, including why leads were not recycled.",
            "short",
            (f"{grown('leadloop_decisions_total', by='action, why')} > 0", "decisions"),
            span=12,
            height=8,
        ),
        graph(
            "Waiting stalls",
            "Stalls that are evaluated again. HOLD and ESCALATE have a date; SUPPRESS waits for a fact that opens its gate.",
            "short",
            (total("leadloop_waiting_stalls", by="decision"), "{{decision}}"),
            is_stacked=True,
            span=12,
        ),
        graph(
            "Warnings, and reasons unknown to the policy",
            "Per hour: warnings that a promise is about to break, and decisions about a reason that the policy does not name, so that `otherwise` applied.",
            "short",
            (f"3600 * {rate('leadloop_warnings_total', by='reason')}", "{{reason}}"),
            (f"3600 * {rate('leadloop_unnamed_reasons_total')}", "not named"),
            span=12,
        ),
        graph(
            "Stall detection delay",
            "From the time a promise was broken, or its facts were consumed if that was later, to the time the stall was declared. The SLO is 60 s. After an outage the delay is as long as the outage.",
            "s",
            (quantile(0.5, "leadloop_detection_delay_seconds"), "p50"),
            (quantile(0.99, "leadloop_detection_delay_seconds"), "p99"),
            limits=((60, RED),),
            span=12,
        ),
    )


def _back() -> tuple[object, ...]:
    return (
        bars(
            "Recycles by pass",
            "RECYCLE decisions in the selected time range, by the pass that they ended. Many in pass 3 or later mean that the same leads are recycled repeatedly.",
            "short",
            (grown("leadloop_recycles_total", by="pass"), "pass {{pass}}"),
        ),
        graph(
            "Share of recycles revoked",
            "REVOKE decisions divided by RECYCLE decisions, over 6 h. A high share means that touches arrive too late or that promises are too short.",
            "percentunit",
            (
                f"{_within_6h('REVOKE')} / ({_within_6h('RECYCLE')} > 0)",
                "revoked",
            ),
            limits=((0.5, RED),),
        ),
        rows(
            "Funnel by pass",
            "One row per pass. Pass 1 is the first journey of a lead; later passes began after a RECYCLE.",
            "short",
            *((_reached(step, by="pass"), step) for step in ("created", "touched", "progressed", "won", "lost")),
            span=8,
            height=8,
        ),
    )


def _contact() -> tuple[object, ...]:
    return (
        number(
            "Touched within an hour",
            "Share of the leads first touched in the selected time range that were touched within an hour of their creation.",
            "percentunit",
            within(CONTACT, AN_HOUR, EVENTS),
            limits=((LOST, RED), (0.3, YELLOW), (0.6, GREEN)),
            span=6,
        ),
        number(
            "Touched within a day",
            "Leads touched within a day of their creation, as a share of all leads created in the selected time range. Those created within the last day may still be touched in time, so choose a range of several days.",
            "percentunit",
            of_created(CONTACT, A_DAY, EVENTS),
            limits=((LOST, RED), (0.7, YELLOW), (0.9, GREEN)),
            span=6,
        ),
        number(
            "Median time to first touch",
            "Median time from creation to the first touch, of the leads first touched in the selected time range.",
            "s",
            quantile(0.5, CONTACT, EVENTS, over="$__range"),
            limits=((3600, YELLOW), (86_400, RED)),
            span=6,
        ),
        number(
            "Time to first touch, 90th percentile",
            "90 % of the leads first touched in the selected time range were touched within this time.",
            "s",
            quantile(0.9, CONTACT, EVENTS, over="$__range"),
            limits=((86_400, YELLOW), (5 * 86_400, RED)),
            span=6,
        ),
        bars(
            "Median time to first touch, by origin",
            "Median time from creation to the first touch, of each origin's leads first touched in the selected time range.",
            "s",
            (quantile(0.5, CONTACT, EVENTS, by="origin", over="$__range"), "{{origin}}"),
            limits=((3600, YELLOW), (86_400, RED)),
            span=12,
        ),
        bars(
            "Touched within a day, by origin",
            "Leads touched within a day of their creation, as a share of all leads of their origin created in the selected time range. Those created within the last day may still be touched in time.",
            "percentunit",
            (of_created(CONTACT, A_DAY, EVENTS, by="origin"), "{{origin}}"),
            limits=((LOST, RED), (0.7, YELLOW), (0.9, GREEN)),
            span=12,
        ),
    )
