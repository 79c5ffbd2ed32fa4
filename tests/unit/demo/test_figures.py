"""The demo's figures, and how they are summary."""

from collections import Counter

from rich.console import Console

from workers.demo.figures import ExternalFigures, FunnelSnapshot
from workers.demo.screen import render_line, render_screen, render_summary


def a_snapshot() -> FunnelSnapshot:
    snapshot = FunnelSnapshot()
    snapshot.funnel.update({("webinar", "created"): 5, ("organic", "created"): 2, ("webinar", "stalled"): 4})
    snapshot.decisions.update({("RECYCLE", "no_follow_up"): 4, ("REVOKE", "moved"): 1})
    return snapshot


def _summary_of(external: ExternalFigures, waiting: int = 0) -> str:
    console = Console(width=400)
    with console.capture() as capture:
        console.print(render_summary(a_snapshot(), external, waiting))
    return capture.get()


def test_steps_are_summed_over_origins() -> None:
    assert (a_snapshot().reached("created"), a_snapshot().reached("won")) == (7, 0)


def test_a_delivery_that_is_tried_again_is_not_settled() -> None:
    assert ExternalFigures(Counter(accepted=3, no_op=2, retry=9, dead=1)).settled == 6


def test_the_ending_says_what_arrived_and_what_stands() -> None:
    summary = _summary_of(ExternalFigures(Counter(accepted=5, no_op=0), received=4, taken_back=1, in_nurture=3))
    assert (
        "4 RECYCLEs and 1 REVOKEs, each signed and verified; 0 were rejected. 3 recycles stand there now; 3 according"
        in summary
    )
    assert "failed" not in summary
    assert "consent" not in summary
    assert "wait for" not in summary


def test_the_ending_conceals_neither_failures_nor_what_waits() -> None:
    summary = _summary_of(ExternalFigures(Counter(dead=2, refused=1)), waiting=7)
    assert "3 deliveries failed. 7 wait for their date." in summary


def test_the_ending_says_how_many_recycles_have_expired() -> None:
    external = ExternalFigures(Counter(accepted=2, expired=3))
    assert external.settled == 5
    assert (
        "3 RECYCLEs were not sent: the consent has ended since; those that still stand make the difference."
        in _summary_of(external)
    )


def test_what_arrived_is_seen_while_it_runs() -> None:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(render_screen(a_snapshot(), ExternalFigures(received=41, taken_back=17), [], "half way"))
    assert "41" in capture.get()
    assert "17" in capture.get()
    assert "58 delivered" in render_line(a_snapshot(), ExternalFigures(received=41, taken_back=17), "half way")
