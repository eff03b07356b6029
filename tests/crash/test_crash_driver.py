"""Kill -9 of whoever drives a rehearsal: started again, it goes on to the same end."""

import asyncio
import time

import pytest
import pytest_asyncio
from crash_house import (
    DriverStoppedError,
    House,
    RecallingKernel,
    begin_work,
    begun_kernel,
    check,
    differing,
    say,
)

from registry.database import load_pepper
from registry.store import Registry
from rehearsal.driver import Driver


async def drive(port, plan):
    """Drive a planned year on a port."""
    await Driver(port, plan.draft.campaign, plan.commands, plan.started_at).run()


async def test_a_driver_that_stops_at_any_call_goes_on_to_the_same_record(two_small_schools):
    """Whatever answer it died before reading, the next driver writes what one alone would have written.

    Every third call of the year, which takes in calls of every kind and stage.
    """
    year = two_small_schools
    directory = year.county.parent
    registry = await Registry.open(f"sqlite+aiosqlite:///{directory}/registry.db", load_pepper(directory / "pepper"))
    work = begin_work(registry)
    differences = {}
    for calls in range(1, year.calls + 1, 3):
        kernel = await begun_kernel(year.plan, work)
        with pytest.raises(DriverStoppedError):
            await drive(RecallingKernel(kernel, calls, answer_lost=True), year.plan)
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the other school's task meets its end, too
        await drive(RecallingKernel(kernel), year.plan)
        if kernel.ledger != year.kernel.ledger:
            differences[calls] = [
                (stream, number, differing(event, other))
                for stream, events in year.kernel.ledger.items()
                for number, (event, other) in enumerate(zip(events, kernel.ledger[stream], strict=False), start=1)
                if event != other
            ][:1]
    await registry.close()
    assert differences == {}


async def test_a_driver_that_is_stopped_again_and_again_goes_on_to_the_same_record(two_small_schools):
    """Three drivers die one after the other, each further on; the fourth finishes as if it had been the only one."""
    year = two_small_schools
    directory = year.county.parent
    registry = await Registry.open(f"sqlite+aiosqlite:///{directory}/registry.db", load_pepper(directory / "pepper"))
    kernel = await begun_kernel(year.plan, begin_work(registry))
    for calls in (year.calls // 4, year.calls // 3, year.calls // 2):
        with pytest.raises(DriverStoppedError):
            await drive(RecallingKernel(kernel, calls, answer_lost=True), year.plan)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await drive(RecallingKernel(kernel), year.plan)
    await registry.close()
    assert kernel.ledger == year.kernel.ledger


VICTIMS = (("driver",), ("driver", "worker", "engine"))


@pytest_asyncio.fixture(scope="module")
async def rehearsals(one_school, tmp_path_factory):
    """Both rehearsals under fire side by side, as most of each is waiting; each test waits for its own."""

    async def run(victims):
        house = House(tmp_path_factory.mktemp("house"), one_school)
        began = time.monotonic()
        async with house.running(driver=True):
            for acknowledged in (6, 15, 30):
                while len(house.acknowledged()) < acknowledged:
                    assert not house.over.is_set()
                    await asyncio.sleep(0.01)
                await house.kill_when_alive(victims)
            await house.driven()
            numbers = await check(house, audited="engine" in victims)
        say("+".join(victims), {"kills": 3, **numbers}, began)
        return house

    tasks = {victims: asyncio.create_task(run(victims)) for victims in VICTIMS}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("victims", VICTIMS, ids="+".join)
async def test_a_killed_rehearsal_goes_on_in_the_same_data_directory(victims, rehearsals):
    """The driver's process dies three times in the middle, alone or with everything else, and the end is the same."""
    house = await rehearsals[victims]
    assert house.starts["driver"] == 4
