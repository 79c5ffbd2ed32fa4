"""The demo's figures, and how they are summary."""

from collections import Counter

from rich.console import Console

from schemas.events import LeadRecycled
from workers.demo.ending import DemoResult, render_ending
from workers.demo.figures import STEPS, ExternalFigures, FunnelSnapshot
from workers.demo.screen import render_line, render_screen
from workers.report.funnel_models import FunnelRow


def a_snapshot() -> FunnelSnapshot:
    snapshot = FunnelSnapshot()
    snapshot.funnel.update({("webinar", "created"): 5, ("organic", "created"): 2, ("webinar", "stalled"): 4})
    snapshot.decisions.update(
        {("RECYCLE", "no_follow_up"): 3, ("RECYCLE", "price"): 1, ("REVOKE", "moved"): 1, ("RETIRE", "never"): 2}
    )
    snapshot.stalls.update({"no_follow_up": 5, "never_contacted": 0})
    snapshot.leads.update({"nurture": 2, "won": 1})
    snapshot.second_pass["created"] = 1
    return snapshot


def a_busy_snapshot() -> FunnelSnapshot:
    snapshot = FunnelSnapshot()
    snapshot.funnel.update({(f"an_origin_{number}", step): 12_345 for number in range(7) for step in STEPS})
    snapshot.stalls.update(dict.fromkeys(("never_assigned", "never_contacted", "no_follow_up", "no_progress"), 4_744))
    return snapshot


def a_recycle() -> LeadRecycled:
    return LeadRecycled(
        event_id="e", recycle_id="r", action="RECYCLE", lead_id="L-100282", occurred_at=1, reason="never_contacted",
        track="introduce-again", pass_no=1, origin="paid_search",
    )  # fmt: skip


def _ending_of(external: ExternalFigures, waiting: int = 0, *, width: int = 400) -> str:
    totals = FunnelRow(
        value="", created=7, broken=4, recycled=4, requalified=1, won=2, won_after=1,
        won_money={"EUR": 1_500_000, "USD": 30_000}, money_after={"EUR": 90_000},
    )  # fmt: skip
    console = Console(width=width)
    with console.capture() as capture:
        console.print(render_ending(DemoResult(a_snapshot(), external, totals, waiting)))
    return capture.get()


def test_steps_are_summed_over_origins() -> None:
    assert (a_snapshot().reached("created"), a_snapshot().reached("won")) == (7, 0)


def test_a_delivery_that_is_tried_again_is_not_settled() -> None:
    assert ExternalFigures(Counter(accepted=3, no_op=2, retry=9, dead=1)).settled == 6


def test_a_delivery_that_waits_for_its_date_is_settled() -> None:
    assert ExternalFigures(Counter(accepted=3), waiting=2).settled == 5


def test_the_ending_has_five_numbers_with_shares_and_money() -> None:
    rows = [line.split() for line in _ending_of(ExternalFigures()).splitlines()[1:6]]
    assert [" ".join(row) for row in rows] == [
        "passes to sales 7 of 3 leads; 1 came again",
        "with a broken promise 4 57% of the passes",
        "handed back 4 57% of the passes",
        "back at sales 1 25% of those; 1 of them won, €900",
        "won 2 29% of the passes; €15,000 and $300",
    ]


def test_broken_promises_and_leads_handed_back_add_up() -> None:
    ending = _ending_of(ExternalFigures())
    assert "5 promises were broken (a pass can break several); 3 of them were handed back." in ending
    assert "such as lost deals: 1 more. Of these 4, 1 were taken back" in ending
    assert "3 stand. Not handed back: 2 retired." in ending


def test_the_ending_says_what_arrived_and_what_stands() -> None:
    ending = _ending_of(ExternalFigures(Counter(accepted=5, no_op=0), received=4, taken_back=1, in_nurture=3))
    assert "4 RECYCLEs and 1 REVOKEs, signed and verified; 0 were rejected." in ending
    assert "Of the 3 that stand, 3 are there; 0 wait for their date." in ending
    assert "failed" not in ending
    assert "consent" not in ending


def test_the_ending_conceals_neither_failures_nor_what_waits() -> None:
    ending = _ending_of(ExternalFigures(Counter(dead=2, refused=1)), waiting=7)
    assert "7 wait for their date; 3 deliveries failed." in ending


def test_the_ending_says_how_many_recycles_have_expired() -> None:
    external = ExternalFigures(Counter(accepted=2, expired=3))
    assert external.settled == 5
    assert "3 were not sent, since their consent has ended." in _ending_of(external)


def test_a_small_terminal_has_room_for_the_ending_and_for_the_screen() -> None:
    external = ExternalFigures(Counter(no_op=2_006, expired=25), received=5_740, taken_back=2_130, in_nurture=2_610)
    assert len(_ending_of(external, 229, width=80).splitlines()) <= 24
    for width, height in ((80, 24), (100, 40)):
        console = Console(width=width, height=height)
        with console.capture() as capture:
            console.print(render_screen(a_busy_snapshot(), external, [a_recycle()] * 50, "80% published", height))
        lines = capture.get().splitlines()
        assert len(lines) <= height
        assert max(map(len, lines)) <= width
        assert any("2 others" in line for line in lines)


def test_what_arrived_is_seen_while_it_runs() -> None:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(render_screen(a_snapshot(), ExternalFigures(received=41, taken_back=17), [], "half way", 24))
    assert "received there, signed 41, removed there 17" in capture.get()
    assert "58 delivered" in render_line(a_snapshot(), ExternalFigures(received=41, taken_back=17), "half way")
