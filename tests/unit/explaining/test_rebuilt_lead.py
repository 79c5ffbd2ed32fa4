"""The lead of a document of the read model: the same as in streams, as far as its records are known."""

from schemas.events import LeadDecided, LeadRecycled
from streams.domain.decisions import AtRisk
from streams.domain.explanation import Explanation, explain
from streams.domain.lead_fold import LeadFold
from tests.builders import DAY, a_contact
from tests.projected import CODEC
from tests.unit.explaining.lives import Life, a_life, pass_time
from workers.explaining.known_decision import published
from workers.explaining.lead_explanation import Explainer
from workers.read_model.rebuilt_lead import RebuiltLead, rebuilt_lead

LEADS = 1_000


def rebuilt(life: Life, since: int = 0) -> RebuiltLead:
    return rebuilt_lead(life.document(since), life.snapshot, CODEC, life.policy)


def explained(life: Life, since: int = 0) -> Explanation:
    return explain(life.ledger.lead_id, rebuilt(life, since).history, life.policy, life.now)


def what_happens(life: Life) -> list[tuple[int, object]]:
    """What streams emits from now on if nothing is reported."""
    ledger = LeadFold(life.ledger.lead_id, life.ledger.history)
    pass_time(ledger, life.policy, life.now + 400 * DAY)
    return [(emission.now, emission.what) for emission in ledger.emissions]


def test_the_lead_of_a_whole_document_is_that_of_streams() -> None:
    for seed in range(LEADS):
        life = a_life(seed)
        found = rebuilt(life)
        assert found.is_whole, seed
        assert found.history.lead == life.ledger.lead, seed


def test_what_is_foreseen_from_a_document_is_what_streams_then_emits() -> None:
    kinds = set[str]()
    for seed in range(LEADS):
        life = a_life(seed)
        foreseen = [(step.at, step.what) for step in explained(life).following]
        assert foreseen == what_happens(life), seed
        kinds |= {type(what).__name__ for _, what in foreseen}
    assert kinds == {"AtRisk", "Stalled", "Recycle", "Holdout", "Suppress", "Retire", "Hold", "Escalate"}


def test_where_records_have_expired_the_stage_is_known_and_no_wrong_date_is_given() -> None:
    partial = 0
    for seed in range(LEADS):
        life, since = a_life(seed), expiry(seed)
        document, snapshot = life.document(since), life.snapshot
        found = Explainer(CODEC, life.policy)(document, snapshot, life.now)
        assert found.explained.stage == snapshot.stage, seed
        dates = [step.at for step in found.explained.following if not isinstance(step.what, AtRisk)]
        first = dates[0] if dates else None
        if found.is_foreseen:
            published = snapshot.until if snapshot.due_at is None else snapshot.due_at
            assert first == (None if published is None else max(published, life.now)), seed
        else:
            assert not found.explained.following
        partial += not found.is_whole
    assert partial > LEADS // 4


def expiry(seed: int) -> int:
    return a_life(seed).now - (1, 3, 10, 20)[seed % 4] * DAY


def test_most_of_the_future_is_foreseen_where_records_have_expired() -> None:
    lives = [(a_life(seed), expiry(seed)) for seed in range(300)]
    foreseen = [Explainer(CODEC, life.policy)(life.document(since), life.snapshot, life.now) for life, since in lives]
    assert sum(found.is_foreseen for found in foreseen) > 0.9 * len(foreseen)


def test_facts_that_are_newer_than_the_snapshot_are_part_of_the_lead() -> None:
    """Without a milestone there is no snapshot: the document has the contact before it."""
    life = a_life(0)
    contact = a_contact(life.ledger.lead_id, life.now, by="marketing")
    assert rebuilt_lead(life._replace(published=[*life.published, contact]).document(), life.snapshot, CODEC).is_whole


def test_a_decision_after_a_revoke_has_the_time_of_the_revoke() -> None:
    recycle = LeadDecided(decision="RECYCLE", recycle_id="r", stall_id="s", occurred_at=10)
    revoke = LeadDecided(decision="REVOKE", recycle_id="r", stall_id="s", occurred_at=50)
    suppress = LeadDecided(decision="SUPPRESS", stall_id="s", occurred_at=10)
    event = LeadRecycled(action="RECYCLE", recycle_id="r", track="offer", not_before=30)
    found = published([suppress, recycle, revoke], [event])
    assert [(one.decision, one.at) for one in found] == [("RECYCLE", 10), ("REVOKE", 50), ("SUPPRESS", 50)]
    assert (found[0].track, found[0].not_before) == ("offer", 30)
