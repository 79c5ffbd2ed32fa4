"""The dates that have passed are those of the leads' snapshots."""

import asyncio

from tests.projected import CODEC, LogOf
from workers.read_model.redis_clients import connect_async
from workers.report.passed_dates import PassedDates
from workers.report.queries import ReadModel


def passed(redis_url: str, app_id: str, before: int) -> PassedDates:
    async def looked_up() -> PassedDates:
        model = ReadModel(connect_async(redis_url), app_id, CODEC)
        try:
            return await model.passed_dates(before)
        finally:
            await model.close()

    return asyncio.run(looked_up())


def test_the_dates_before_an_instant_are_found_and_no_others(log: LogOf, redis_url: str, app_id: str) -> None:
    leads = log.leads.values()
    dates = {
        "promises": [(one.due_at, one.lead_id) for one in leads if one.due_at is not None],
        **{
            what: [
                (one.until, one.lead_id)
                for one in leads
                if one.stall_id and one.decision == decision and one.until is not None
            ]
            for what, decision in (("holds", "HOLD"), ("escalations", "ESCALATE"))
        },
    }
    every = sorted(at for some in dates.values() for at, _ in some)
    before = every[len(every) // 2]
    found = passed(redis_url, app_id, before)
    assert found.passed == {what: sorted(one for one in some if one[0] < before) for what, some in dates.items()}
    assert found.passed["promises"] or found.passed["escalations"]
    assert found.waiting["promises"] == len(dates["promises"])
    assert passed(redis_url, app_id, every[0]).passed == {"promises": [], "holds": [], "escalations": []}
