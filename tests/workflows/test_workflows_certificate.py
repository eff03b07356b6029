"""The certificate of independence from the engine (FEATURES idea 15): the same commands, clock and rules, two engines.

What people do by plan, and beside it random commands of every kind, sensible or not, go to the in-memory kernel and to
Temporal. There driver and worker are lost with a command in flight, whoever comes next replays, and runs continue as
new. Both logs are the same bytes, and the head that is signed over the one has the root of the other.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from workflows_house import House, PatientClient
from workflows_kernel import driven

from audit.event_sets import EventSet
from audit.heads import make_head
from audit.signing_keys import SigningKey
from client import actor_for
from domain.actors import PERMISSIONS, Actor
from domain.events import Envelope, canonical_text
from domain.stage_events import StageSlug
from domain.stream import Answer
from domain.time import at as at_clock
from domain.time import instant
from registry.store import Registry
from rehearsal.county import make_county
from rehearsal.driver import Driver, Planned
from rehearsal.year import YearPlan, plan_year

sys.path.append(str(Path(__file__).parents[1] / "domain"))
from random_commands import COMMANDS, FIRST, SECOND, spoken
from stream_samples import HEAD, OFFICER, OTHER_SCHOOL, PRINCIPAL, SCHOOL, A, B, C, D, E, F

KEY = SigningKey("audit.example", b"k" * 32)
UNTIL = date(2024, 12, 6)
"""Identification is over and the parents' meetings have begun: enough for a test that runs every time."""

RANDOM = 60
"""Random commands beside the plan."""

LEFT_OUT = ("stop", "close_campaign", "skip", "pause", "deliver_family_acts", "submit_summary")
"""What ends or holds everything would leave nothing to compare; what families sign and write is not made up here."""

KINDS = ("campaign", "school", *(slug.value for slug in StageSlug))


class WorkerLostError(Exception):
    """The worker is gone, and so is the driver that waited for an answer."""


class Losing:
    """A port that loses its driver with a command in flight; whether the engine has taken it, nobody knows."""

    def __init__(self, client: PatientClient, lost_at: int) -> None:
        self._client = client
        self._left = lost_at
        self.in_flight: asyncio.Task[Answer] | None = None

    async def submit_unrecorded(self, stream: str, command: Mapping[str, Any], *, at: datetime | None = None) -> Answer:
        """Give a command, and fall over while the chosen one is under way."""
        self._left -= 1
        call = asyncio.create_task(self._client.submit_unrecorded(stream, command, at=at))
        if self._left == 0:
            self.in_flight = call
            await asyncio.sleep(0.01)
            raise WorkerLostError
        return await call

    async def tick(self, stream: str, at: datetime, absorb: Sequence[str] = ()) -> Answer:
        """Move a stream's clock."""
        return await self._client.tick(stream, at, absorb)


async def with_random_commands(plan: YearPlan, registry: Registry, random: Random) -> YearPlan:
    """Add commands of every kind, read from what each decider takes, by the campaign's own people."""
    campaign = plan.draft.campaign
    staff = [await actor_for(registry, campaign, member.staff_ref) for member in await registry.staff(campaign)]
    (school,) = plan.draft.pupils
    pupils = [student for students in (await registry.cohort(snapshot_of(plan))).values() for student in students]
    classes = list(await registry.cohort(snapshot_of(plan)))
    own = {
        **dict(zip((A, B, C, D, E, F), pupils, strict=False)),
        **{person.id: random.choice(staff).id for person in (HEAD, PRINCIPAL, OFFICER)},
        SCHOOL: school,
        OTHER_SCHOOL: school,
        FIRST: classes[0],
        SECOND: classes[-1],
    }
    said = [(kind, name) for kind in KINDS for name in COMMANDS[kind] if name not in LEFT_OUT]
    first, days = plan.started_at.date() + timedelta(days=2), (UNTIL - plan.started_at.date()).days - 3
    added = []
    for number in range(RANDOM):
        kind, name = random.choice(said)
        at = at_clock(first + timedelta(days=random.randrange(days))) + timedelta(minutes=random.randrange(24 * 60))
        fields = translated(spoken(COMMANDS[kind][name](random), at), own)
        tail = {"campaign": "", "school": f"/{school}"}.get(kind, f"/{school}/{kind}")
        who = teller(staff, name, random).model_dump(mode="json")
        command = {"kind": name, "command_id": f"random-{number}", "actor": who, **fields}
        added.append(Planned(at=at, stream=f"{campaign}{tail}", command=command))
    return replace(plan, commands=(*plan.commands, *added))


def snapshot_of(plan: YearPlan) -> str:
    """Return the reference of the one school's snapshot."""
    (entry,) = plan.draft.content["schools"]
    return str(entry["snapshot"])


def teller(staff: Sequence[Actor], name: str, random: Random) -> Actor:
    """Return somebody who may mostly give a command."""
    allowed = [who for who in staff if who.role in PERMISSIONS[name]]
    return random.choice(allowed if allowed and random.random() < 0.85 else staff)


def translated(value: Any, own: Mapping[str, str]) -> Any:
    """Return what was drawn with this campaign's pupils, people, school and classes."""
    match value:
        case dict():
            return {own.get(name, name): translated(part, own) for name, part in value.items()}
        case list():
            return [translated(part, own) for part in value]
        case str():
            return own.get(value, value)
        case _:
            return value


def lines(streams: Mapping[str, Sequence[Envelope]]) -> dict[str, list[str]]:
    """Return every event's canonical line."""
    return {stream: [canonical_text(envelope) for envelope in events] for stream, events in sorted(streams.items())}


@pytest.mark.parametrize("seed", [7])
async def test_both_engines_write_the_same_bytes_and_the_same_root(low_house: House, tmp_path: Path, seed: int) -> None:
    """Kernel and Temporal, with a worker lost in between and runs that continue as new: one log, one root."""
    house, files, random = low_house, tmp_path / "county", Random(seed)
    make_county(files, 1, 12, 1)
    before = instant(f"{UNTIL}T00:00:00+08:00")
    people = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'people.db'}", b"p" * 32)
    try:
        plan = await with_random_commands(await plan_year(people, files, seed, until=before), people, random)
        kernel, report = await driven(people, plan, stop_on=UNTIL)
    finally:
        await people.close()

    own = await plan_year(house.registry, files, seed, until=before)
    assert own.commands == tuple(one for one in plan.commands if not one.command["command_id"].startswith("random-"))
    campaign = plan.draft.campaign
    begun = {"clock": "stepped", "started_at": plan.started_at}
    losing = Losing(house.client, lost_at=len(plan.commands) // 2)
    async with house.worker():
        await house.client.launch(plan.draft, plan.author, "rehearsal-draft", **begun)
        first = Driver(losing, campaign, plan.commands, plan.started_at)
        with pytest.raises(WorkerLostError):
            await first.run(stop_on=UNTIL)
    async with house.worker():
        await asyncio.gather(losing.in_flight, return_exceptions=True)
        driver = Driver(house.client, campaign, plan.commands, plan.started_at)
        await driver.run(stop_on=UNTIL)
        for answer in driver.report.last.values():
            await house.client.wait_recorded(answer.receipt)

    ledger = await house.streams(campaign)
    written, oracle = lines(ledger), lines(kernel.ledger)
    for stream in sorted({*written, *oracle}):
        assert written.get(stream) == oracle.get(stream), stream
    assert await house.ledger.archived_runs(campaign), "no run continued as new"
    events = [envelope for envelopes in kernel.ledger.values() for envelope in envelopes]
    headed = await make_head(house.ledger, campaign, KEY, "stepped", before)
    assert (headed.head.size, headed.head.root) == (len(events), EventSet.of(events).root)

    ids = {str(event["command_id"]) for event in events}
    taken = {one.command["kind"] for one in plan.commands if one.command["command_id"] in ids}
    assert sum(command.startswith("random-") for command in ids) >= 5, "the random commands changed nothing"
    assert len(taken) >= 8
    assert len(report.refusals) >= 8, "a course without refusals proves little"
