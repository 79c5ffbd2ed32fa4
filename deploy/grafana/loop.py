"""The Loop: what marketing and sales look at. From what is promised and broken, to what comes back and is won."""

from grafana_foundation_sdk.builders import dashboard as sdk

from .boards import board, with_rows
from .panels import GREEN, ORANGE, RED, YELLOW, bars, graph, number, rows
from .queries import EVENTS, grown, quantile, rate, series, total, within

LOST = float("-inf")
AN_HOUR, A_DAY = "3600.0", "86400.0"
FUNNEL = "leadloop_funnel_leads"
CONTACT = "leadloop_first_contact_seconds"


def dashboard() -> sdk.Dashboard:
    """The same numbers for both teams."""
    words = (
        "What becomes of leads: who is overdue now, where they go cold, what is handed back to marketing, what comes back and "
        "is won. Marketing and sales look at the same numbers. A pass is one journey of a lead from marketing to sales."
    )
    return with_rows(
        board("loop", "Leadloop / The Loop", words, opens_at="now-7d", by_origin=True),
        (
            ("Where the loop stands", _stands()),
            ("The funnel, by origin", _funnel()),
            ("Leads that go cold", _cold()),
            ("Handed back, taken back, come back", _back()),
            ("How soon a lead is first contacted", _contact()),
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
            "Overdue now",
            "Leads that went cold by a broken promise and have not moved since. Most are with marketing by now; the rest is with sales.",
            "short",
            total("leadloop_overdue_leads"),
        ),
        number(
            "With marketing now",
            "Leads that were handed back and are being nurtured.",
            "short",
            total("leadloop_leads", EVENTS, 'stage="nurture"'),
        ),
        number(
            "Handed back",
            "Recycle events told to marketing in the time that is shown.",
            "short",
            grown("leadloop_decisions_total", 'action="RECYCLE"'),
        ),
        number(
            "Taken back",
            "Recycles revoked in the time that is shown, because the lead moved after all.",
            "short",
            grown("leadloop_decisions_total", 'action="REVOKE"'),
        ),
        number(
            "Requalified",
            "Passes that began after a lead had been handed back: the loop closed.",
            "short",
            _reached("created", 'pass!="1"'),
        ),
        number(
            "Won in a later pass",
            "Deals won with leads that had been handed back before. Without the loop they would have been lost.",
            "short",
            _reached("won", 'pass!="1"'),
        ),
        bars(
            "Leads by where they stand",
            "Every lead that is known, once: new, being worked, gone cold, with marketing, lost or won.",
            "short",
            (total("leadloop_leads", EVENTS, by="stage"), "{{stage}}"),
            span=12,
        ),
        bars(
            "Overdue now, by broken promise",
            "never_contacted: nobody called. no_follow_up: nobody called again. no_progress: many touches, and nothing came of it. attempts_exhausted: called as often as is promised.",
            "short",
            (total("leadloop_overdue_leads", by="reason"), "{{reason}}"),
            span=12,
        ),
    )


def _funnel() -> tuple[object, ...]:
    steps = ("created", "touched", "progressed", "stalled", "recycled", "won", "lost")
    shares = (
        ("touched", "created", "contacted"),
        ("progressed", "touched", "of these, got somewhere"),
        ("won", "created", "won"),
    )
    return (
        bars(
            "How far passes have come",
            "Passes that reached each step, over all chosen origins. Each pass counts once a step, however often it was touched.",
            "short",
            *((_reached(step), step) for step in steps),
            span=8,
        ),
        rows(
            "Passes by origin",
            "One row an origin: how many passes reached each step.",
            "short",
            *((_reached(step, by="origin"), step) for step in steps),
            span=16,
            height=8,
        ),
        *(
            bars(
                f"Conversion by origin: {name}",
                f"Share of passes that were {of} which were {step} as well. The counts are in the table above: of few, a share says little.",
                "percentunit",
                (_conversion(step, of, by="origin"), "{{origin}}"),
                limits=_conversion_limits(step),
            )
            for step, of, name in shares
        ),
    )


def _conversion_limits(step: str) -> tuple[tuple[float, str], ...]:
    """Half of all leads never being contacted is what Leadloop is there to end."""
    return ((LOST, RED), (0.5, ORANGE), (0.8, GREEN)) if step == "touched" else ()


def _cold() -> tuple[object, ...]:
    return (
        graph(
            "Leads that go cold, by broken promise",
            "Stalls declared by the detector, an hour.",
            "short",
            (f"3600 * {rate('leadloop_stalls_total', by='reason')}", "{{reason}}"),
            is_stacked=True,
            span=12,
        ),
        graph(
            "What becomes of leads that went cold",
            "Decisions an hour. RECYCLE: handed back. HOLDOUT: left alone, to measure what handing back is worth. SUPPRESS: not this time. RETIRE: not any more. REVOKE: taken back.",
            "short",
            (f"3600 * {rate('leadloop_decisions_total', by='action')}", "{{action}}"),
            is_stacked=True,
            span=12,
        ),
        rows(
            "Why",
            "Decisions in the time that is shown, with the reason for each: also why a lead was not handed back.",
            "short",
            (f"{grown('leadloop_decisions_total', by='action, why')} > 0", "decisions"),
            span=12,
            height=8,
        ),
        graph(
            "How soon a broken promise is told",
            "From the moment it was due, or its facts came if that was later, to the moment it was declared. 60 s is the objective. After an outage it is as long as that was.",
            "s",
            (quantile(0.5, "leadloop_detection_delay_seconds"), "half are faster"),
            (quantile(0.99, "leadloop_detection_delay_seconds"), "99 % are faster"),
            limits=((60, RED),),
            span=12,
        ),
    )


def _back() -> tuple[object, ...]:
    return (
        bars(
            "Handed back, by pass",
            "Recycles in the time that is shown, by which pass of the lead they ended. Many third ones: the same leads go round and round.",
            "short",
            (grown("leadloop_recycles_total", by="pass"), "pass {{pass}}"),
        ),
        graph(
            "Taken back, of what is handed back",
            "Share of recycles that were revoked, within 6 h. Much: touches come in too late, or promises are too short.",
            "percentunit",
            (
                f"{_within_6h('REVOKE')} / ({_within_6h('RECYCLE')} > 0)",
                "taken back",
            ),
            limits=((0.5, RED),),
        ),
        rows(
            "What later passes come to",
            "One row a pass: the first is the lead's first journey, the others began after it had been handed back.",
            "short",
            *((_reached(step, by="pass"), step) for step in ("created", "touched", "progressed", "won", "lost")),
            span=8,
            height=8,
        ),
    )


def _contact() -> tuple[object, ...]:
    return (
        number(
            "Contacted within an hour",
            "Of the leads first contacted in the time that is shown, the share that waited no longer than an hour. A lead is worth most in its first minutes.",
            "percentunit",
            within(CONTACT, AN_HOUR, EVENTS),
            limits=((LOST, RED), (0.3, YELLOW), (0.6, GREEN)),
            span=6,
        ),
        number(
            "Contacted within a day",
            "Of the leads first contacted in the time that is shown, the share that waited no longer than a day.",
            "percentunit",
            within(CONTACT, A_DAY, EVENTS),
            limits=((LOST, RED), (0.7, YELLOW), (0.9, GREEN)),
            span=6,
        ),
        number(
            "Half were contacted within",
            "The median wait of the leads first contacted in the time that is shown.",
            "s",
            quantile(0.5, CONTACT, EVENTS, over="$__range"),
            limits=((3600, YELLOW), (86_400, RED)),
            span=6,
        ),
        number(
            "Nine of ten were contacted within",
            "What the slowest tenth waited longer than.",
            "s",
            quantile(0.9, CONTACT, EVENTS, over="$__range"),
            limits=((86_400, YELLOW), (5 * 86_400, RED)),
            span=6,
        ),
        bars(
            "Half were contacted within, by origin",
            "The median wait of each origin's leads, in the time that is shown.",
            "s",
            (quantile(0.5, CONTACT, EVENTS, by="origin", over="$__range"), "{{origin}}"),
            limits=((3600, YELLOW), (86_400, RED)),
            span=12,
        ),
        bars(
            "Contacted within a day, by origin",
            "Share of each origin's leads, first contacted in the time that is shown, that waited no longer than a day.",
            "percentunit",
            (within(CONTACT, A_DAY, EVENTS, by="origin"), "{{origin}}"),
            limits=((LOST, RED), (0.7, YELLOW), (0.9, GREEN)),
            span=12,
        ),
    )
