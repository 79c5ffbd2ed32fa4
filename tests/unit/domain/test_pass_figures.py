"""What a pass is remembered by: its money, when it first got to each step, a broken promise, and being held out."""

from streams.domain.apply import fold
from streams.domain.facts import Closed, Contacted, Created, Decided, Fact, Revoked, Stalled, Updated
from streams.domain.lead import BROKEN, HELD_OUT, RECYCLED, STALLED, WON


def test_a_won_deal_keeps_its_money_and_its_time() -> None:
    lead = fold([Created(1, "a"), Contacted(3, "b", is_progress=True), Closed(9, "c", True, "", 118_000, "EUR")])
    assert (lead.first_touch_at, lead.first_progress_at, lead.closed_at) == (3, 3, 9)
    assert (lead.amount, lead.currency) == (118_000, "EUR")


def test_a_second_win_does_not_replace_the_first() -> None:
    lead = fold([Created(1, "a"), Closed(2, "b", True, "", 5, "EUR"), Closed(3, "c", True, "", 7, "USD")])
    assert (lead.amount, lead.currency, lead.closed_at) == (5, "EUR", 2)


def test_a_lost_deal_has_no_money_and_is_open_again_after_progress() -> None:
    lost: list[Fact] = [Created(1, "a"), Closed(2, "b", False, "price", 5, "EUR")]
    assert (fold(lost).amount, fold(lost).closed_at, fold(lost).first_stall_at) == (None, 2, 2)
    again = fold([*lost, Contacted(4, "c", is_progress=True)])
    assert (again.closed_at, again.first_stall_at, again.first_progress_at) == (None, 2, 4)


def test_the_first_time_of_each_step_stands() -> None:
    contacts = [Contacted(at, f"c{at}", is_progress=at > 5) for at in (4, 6, 8)]
    lead = fold([Created(1, "a"), *contacts, Stalled(9, "s", "sales", "price"), Stalled(10, "t", "sales", "timing")])
    assert (lead.first_touch_at, lead.first_progress_at, lead.first_stall_at) == (4, 6, 9)


def test_only_the_detector_says_that_a_promise_was_broken() -> None:
    broken = fold([Created(1, "a"), Stalled(9, "s", "detector", "never_contacted", 1)])
    said = fold([Created(1, "a"), Stalled(9, "s", "sales", "price")])
    assert (broken.reached & BROKEN, said.reached & BROKEN, said.reached & STALLED) == (BROKEN, 0, STALLED)


def test_a_broken_promise_that_was_disproved_was_not_broken() -> None:
    lead = fold([Created(1, "a"), Contacted(3, "late"), Stalled(9, "s", "detector", "never_contacted", 1)])
    assert not lead.reached & BROKEN


def test_a_pass_that_was_held_out_is_known_as_such_when_it_is_over() -> None:
    facts: list[Fact] = [Created(1, "a"), Stalled(5, "s", "sales", "price"), Decided(5, "d", "holdout", "s")]
    lead = fold([*facts, Created(9, "b")])
    assert lead.passes[0].reached & HELD_OUT
    assert not lead.reached & HELD_OUT


def test_a_lead_that_was_won_after_it_was_handed_back_was_handed_back() -> None:
    facts: list[Fact] = [Created(1, "a"), Stalled(5, "s", "sales", "price"), Decided(5, "r", "recycle", "s")]
    revoked = Revoked(9, "v", "r", "s", "won")
    won = fold([*facts, Closed(9, "w", True), revoked])
    assert (won.reached & RECYCLED, won.reached & WON, won.recycles) == (RECYCLED, WON, 0)
    before = fold([*facts, Closed(3, "w", True), revoked])
    assert (before.reached & RECYCLED, before.reached & WON, before.recycles) == (0, WON, 0)


def test_a_pass_that_is_over_keeps_its_figures_and_the_next_begins_without() -> None:
    first: list[Fact] = [
        Created(1, "a"),
        Contacted(2, "b", is_progress=True),
        Stalled(3, "s", "sales", "price"),
        Contacted(4, "c", is_progress=True),
        Closed(5, "w", True, "", 9_900, "JPY"),
    ]
    lead = fold([*first, Created(9, "n")])
    over = lead.passes[0]
    assert (over.first_touch_at, over.first_progress_at, over.first_stall_at, over.closed_at) == (2, 2, 3, 5)
    assert (over.amount, over.currency) == (9_900, "JPY")
    assert (lead.first_progress_at, lead.first_stall_at, lead.closed_at, lead.amount, lead.currency) == (
        None,
        None,
        None,
        None,
        "",
    )


def test_the_currency_of_what_is_expected_comes_with_the_amount_or_by_itself() -> None:
    lead = fold([Created(1, "a", expected_amount=5, currency="EUR"), Updated(2, "u", expected_amount=7)])
    assert (lead.expected_amount, lead.expected_currency) == (7, "EUR")
    assert fold([Updated(3, "v", currency="USD")], lead).expected_currency == "USD"
