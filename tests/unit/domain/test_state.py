"""The state of a lead as bytes, and the state that the version before wrote."""

import pytest

from streams.domain.decisions import Hold, Recycle, Suppress
from streams.domain.lead import stage
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import PlainTime, PolicyLimits
from streams.domain.state import FORMAT, lead_of
from tests.builders_domain import a_policy, contacted, updated, within

# Written by the version before: created at 1, handed back for a stall of sales at 10, created again at 20, a stall of
# sales at 30 that was suppressed for the cooldown of 100. The second one kept two facts, after three touches.
IN_COOLDOWN = (
    "0196dc001b0214a0a0a0a0a0c0c2c0c0c00000c0c096a273321eaa6261645f74696d696e67a573616c6573c0a87375707072657373c090900a"
    "01c21e09919701a37765620119a0a0aa6261645f74696d696e67aa6261645f74696d696e67c0c0969a0001a163a3776562a0a0a0a0c0c29703"
    "0aa27331a573616c6573aa6261645f74696d696e6700c095040ad9203538346432393763323736633463386264613432623137366231646630"
    "646466a772656379636c65a273319a0014a5616761696ea0a0a0a0a0c0c297031ea27332a573616c6573aa6261645f74696d696e6700c09504"
    "1ed9206133333635643834346633343930383335386530336331636134646432643038a87375707072657373a273320000"
)
IN_COOLDOWN_SHORT = (
    "0196dc001b0214a0a0a0a0a0c0c21f21c00303c0c096a273321eaa6261645f74696d696e67a573616c6573c0a87375707072657373c090900a"
    "01c2210b919701a37765620119a0a0aa6261645f74696d696e67aa6261645f74696d696e67dc001b0214a0a0a0a0a0c0c21f20c00202c0c096"
    "a273321eaa6261645f74696d696e67a573616c6573c0c0c090900a01c2200b919701a37765620119a0a0aa6261645f74696d696e67aa626164"
    "5f74696d696e67932001a274329295041ed9206133333635643834346633343930383335386530336331636134646432643038a87375707072"
    "657373a27332970121a27433c2c2c0a00000"
)
# Created at 1, touched at 2, handed back at 32 for a broken promise.
IN_NURTURE = (
    "0196dc001b0101a3776562a0a0a3616e6ea0c0c20202c00101c0c096d920623931346338323761663831653831303838623764316665326130"
    "383632376120ac6e6f5f666f6c6c6f775f7570a86465746563746f72c0a772656379636c6592d9203163626565633362353933303137343635"
    "323937663830313932613363343936d920623931346338323761663831653831303838623764316665326130383632376190902001c2201b90"
    "ac6e6f5f666f6c6c6f775f7570c0c0949a0001a163a3776562a0a0a3616e6ea0c0c2970102a174c2c2c0a0970320d920623931346338323761"
    "6638316538313038386237643166653261303836323761a86465746563746f72ac6e6f5f666f6c6c6f775f757002c0950420d9203163626565"
    "633362353933303137343635323937663830313932613363343936a772656379636c65d9206239313463383237616638316538313038386237"
    "643166653261303836323761"
    "0000"
)
# Created at 1, not to be contacted; a stall of sales at 10 that was suppressed for that.
GATED = (
    "0196dc001b0101a3776562a0a0a0a0c0c3c0c0c00000c0c096a1730aaa6261645f74696d696e67a573616c6573c0a87375707072657373c090"
    "90c000c20a0990aa6261645f74696d696e67c0c0939a0001a163a3776562a0a0a0a0c0c397030aa173a573616c6573aa6261645f74696d696e"
    "6700c095040ad9203036393635656132623731643031353465386338323238323235353535303031a87375707072657373a1730000"
)
POLICY = a_policy(
    within(20, 30, 60, 5, 3),
    PolicyLimits(max_recycles=None, max_age=None, cooldown=PlainTime(100)),
    {"invalid": None},
)


@pytest.mark.parametrize("state", [IN_COOLDOWN, IN_COOLDOWN_SHORT])
def test_a_stall_that_the_version_before_suppressed_for_its_cooldown_is_handed_back_at_its_end(state: str) -> None:
    ledger = LeadFold("L", LeadHistory.decode(bytes.fromhex(state)))
    assert due(ledger) == 30, "the stall is evaluated at once"
    ledger.tick(POLICY, 50)
    assert due(ledger) == 110
    ledger.tick(POLICY, 111)
    assert [(type(each.what), each.what.at) for each in ledger.emissions] == [(Hold, 30), (Recycle, 110)]
    assert stage(ledger.lead) == "nurture"
    assert due(ledger) is None


def test_a_stall_that_the_version_before_suppressed_at_a_gate_waits_at_that_gate() -> None:
    ledger = LeadFold("L", LeadHistory.decode(bytes.fromhex(GATED)))
    ledger.tick(POLICY, 50)
    assert ledger.lead.stall is not None
    assert (ledger.lead.stall.decided, due(ledger)) == ("suppress", None)
    ledger.add(updated(60, do_not_contact=False), POLICY, 60)
    assert [(type(each.what), each.what.at) for each in ledger.emissions] == [(Suppress, 10), (Recycle, 60)]


def due(ledger: LeadFold) -> int | None:
    deadline = ledger.deadline(POLICY)
    return deadline and deadline.due


@pytest.mark.parametrize("state", [IN_COOLDOWN, IN_COOLDOWN_SHORT, GATED, IN_NURTURE])
def test_a_state_of_the_version_before_is_read_and_written_in_the_newest_format(state: str) -> None:
    old = bytes.fromhex(state)
    history = LeadHistory.decode(old)
    assert history.lead == lead_of(old)
    again = history.encode()
    assert again[0] == FORMAT
    assert LeadHistory.decode(again).lead == lead_of(again) == history.lead


def test_a_lead_that_the_version_before_handed_back_is_revoked_like_any_other() -> None:
    ledger = LeadFold("L", LeadHistory.decode(bytes.fromhex(IN_NURTURE)))
    ledger.add(updated(40, do_not_contact=True), POLICY, 40)
    assert [getattr(each.what, "cause", None) for each in ledger.emissions] == ["do_not_contact", None]
    ledger.add(contacted(50, "answer", is_progress=True), POLICY, 50)
    assert stage(ledger.lead) == "working"
