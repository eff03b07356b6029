"""Kill -9 thirty times at random: three rehearsals side by side, each with its own seed of ten deaths."""

import asyncio
import random
import time

from crash_house import House, check, say

KILLS = 10
SEEDS = (1, 2, 3)
VICTIMS = (
    ("worker",),
    ("engine",),
    ("worker", "engine"),
    ("driver",),
    ("driver", "worker", "engine"),
)


async def under_fire(seed, year, directory):
    """Rehearse and kill until ten deaths have been survived; a year that ends earlier is checked and begun anew."""
    source = random.Random(seed)
    left, number, checked = KILLS, 0, []
    while left:
        number += 1
        house = House(directory / f"{seed}-{number}", year)
        began = time.monotonic()
        async with house.running(driver=True):
            left -= await _shoot(house, source, left)
            await house.driven()
            checked.append(
                (f"random {seed}-{number}", await check(house, audited=seed == SEEDS[0]), began, time.monotonic())
            )
    return checked


async def _shoot(house, source, most):
    """Kill somebody at a random moment, again when the year has moved on since; return how many kills there were."""
    kills = seen = 0
    while kills < most:
        while len(house.acknowledged()) <= seen:
            if house.over.is_set():
                return kills
            await asyncio.sleep(0.01)
        seen = len(house.acknowledged()) + source.randrange(4)
        victims = source.choice(VICTIMS)
        await asyncio.sleep(source.uniform(0, 0.4))
        if house.over.is_set():
            return kills
        kills += house.kill(victims)
    return kills


async def test_thirty_kills_at_random_change_nothing(two_schools, tmp_path):
    """Whoever dies when: nothing acknowledged is lost, nothing is doubled or moved, the end is the same."""
    began = time.monotonic()
    runs = [
        run for ran in await asyncio.gather(*(under_fire(seed, two_schools, tmp_path) for seed in SEEDS)) for run in ran
    ]
    for name, numbers, start, end in runs:
        say(name, {**numbers, "took": round(end - start, 1)}, began)
    assert len(runs) >= len(SEEDS)
