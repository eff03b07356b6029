"""Kill -9 at named points: whatever dies there, the end is the undisturbed run's."""

import asyncio
import time
from dataclasses import dataclass

import pytest
import pytest_asyncio
from crash_house import House, check, say

AT_ONCE = 6
"""Most of a crashed run is waiting for time-outs, so some runs go side by side; more than this overload two cores."""

SLOW_ENGINE = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40")


@dataclass(frozen=True)
class Scenario:
    """Who dies where: at each `nth` time that a worker reaches the point, `times` times."""

    point: str
    victim: str
    nth: int
    times: int = 1
    patient: bool = False

    def __str__(self) -> str:
        """Name the scenario as pytest shows it."""
        return f"{self.point}-{self.victim}{'-real_timeouts' if self.patient else ''}"


NTH = {
    "update_accepted": 12,
    "before_append": 15,
    "after_append": 15,
    "before_continue_as_new": 2,
    "after_archive": 2,
}
VICTIMS = ("worker", "both")
SCENARIOS = [
    *(Scenario(point, victim, nth) for point, nth in NTH.items() for victim in VICTIMS),
    *(Scenario(point, "engine", NTH[point]) for point in ("update_accepted", "after_append")),
    Scenario("after_continue_as_new", "both", 3),
    Scenario("before_archive", "both", 1, times=3),
    Scenario("after_append", "worker", 12, patient=True),
]
AUDITED = (Scenario("update_accepted", "both", NTH["update_accepted"]), SCENARIOS[-2])
"""History against ledger is compared for all; replaying everything with today's code takes longer than the run."""


@pytest_asyncio.fixture(scope="module")
async def outcomes(request, one_school, tmp_path_factory):
    """Run the scenarios that were asked for, some at a time; each test waits for its own."""
    room = asyncio.Semaphore(AT_ONCE)
    wanted = {
        item.callspec.params["scenario"]
        for item in request.session.items
        if "scenario" in getattr(getattr(item, "callspec", None), "params", {})
    }

    async def run(scenario):
        environment = {
            "CRASH_POINT": scenario.point,
            "CRASH_VICTIM": scenario.victim,
            "CRASH_NTH": str(scenario.nth),
            "CRASH_TIMES": str(scenario.times),
        }
        house = House(tmp_path_factory.mktemp("house"), one_school, environment)
        if scenario.patient:
            environment["CRASH_PATIENT"] = "1"
            house = House(house.data, one_school, environment, SLOW_ENGINE)
        else:
            await room.acquire()
        began = time.monotonic()
        try:
            async with house.running():
                await house.rehearse()
                numbers = await check(house, audited=scenario in AUDITED)
        finally:
            if not scenario.patient:
                room.release()
        return house, {"kills": house.kills(), **numbers}, time.monotonic() - began

    tasks = {scenario: asyncio.create_task(run(scenario)) for scenario in SCENARIOS if scenario in wanted}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_a_kill_at_a_named_point_changes_nothing(scenario, outcomes):
    """No acknowledged command is lost, no event doubled or moved, and history, ledger and state are the undisturbed."""
    house, numbers, seconds = await outcomes[scenario]
    say(str(scenario), numbers, time.monotonic() - seconds)
    assert house.kills() == scenario.times
    assert house.starts["engine"] == 1 + (scenario.times if scenario.victim != "worker" else 0)
    assert house.starts["worker"] == 1 + (scenario.times if scenario.victim != "engine" else 0)
    assert numbers["continued"] > 0
