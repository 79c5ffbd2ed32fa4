"""An endpoint that hangs, throttles or is down does not delay the others.

How long deliveries take meanwhile is measured by `make bench ARGS=fairness`.
"""

from tests.component.delivery.harness import REAL_SCHEDULE, REAL_WAITS, World, a_recycle, until
from tests.simulators.receiver import Behaviour

EVENTS = 300
CONCURRENCY = 10
HANGS_SECONDS = 120
"""The longest timeout that an endpoint may have: no call to the hanging one ends while the test waits."""


async def test_endpoints_that_hang_throttle_or_are_down_do_not_delay_the_others(world: World) -> None:
    limits = f"{{per_second: 1000, burst: 100, concurrency: {CONCURRENCY}}}"
    good = await world.endpoint("good", limits=limits)
    bad = {
        name: await world.endpoint(name, timeout_seconds=HANGS_SECONDS, limits=limits)
        for name in ("hangs", "throttles", "down", "cuts")
    }
    bad["hangs"].behave(Behaviour("hang"))
    bad["throttles"].behave(Behaviour("status", 429, retry_after="600"))
    bad["down"].behave(Behaviour("status", 500))
    bad["cuts"].behave(Behaviour("cut"))
    world.start(world.job(tiers=REAL_WAITS, delays=REAL_SCHEDULE))
    world.publish([a_recycle(number) for number in range(EVENTS)])
    # A delivery that waited for a hanging call would not arrive: no hanging call ends within this time.
    await until(lambda: len(good.messages) == EVENTS, within=HANGS_SECONDS / 12)
    assert 0 < len(bad["hangs"].tries) <= CONCURRENCY
    assert len(bad["throttles"].tries) <= CONCURRENCY  # the first 429 stops all calls for ten minutes
