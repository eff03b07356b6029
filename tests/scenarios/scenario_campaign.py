"""A campaign on the kernel: commands in, time by ticks, a ledger out. Nothing is written into a state by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter
from scenario_people import (
    APPROVER,
    BUREAU,
    DIGEST,
    FAMILIES,
    OFFICER,
    OTHER_VOCATIONAL,
    VOCATIONAL,
    School,
    calendar,
    compliant,
    when,
    windows,
)

from audit.counts import Recorded, recorded
from audit.invariants.check import check_campaign
from domain.actors import Actor
from domain.identification_rule import DEFAULT_RULE
from domain.kernel import Kernel
from domain.refusal import Refusal
from domain.stream import Answer, Carry, Job
from ledger.store import Ledger
from registry.database import load_pepper
from registry.draft import RELEASE
from registry.staff_file import StaffMember
from registry.store import Registry


@dataclass
class Campaign:
    """A campaign at work.

    Attributes:
        campaign: its id.
        schools: code → school.
        kernel: all streams.
        now: the present of all clocks.
    """

    campaign: str
    schools: dict[str, School]
    kernel: Kernel
    now: datetime
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    async def begin(
        cls,
        *schools: School,
        year: int = 2026,
        parameters: Mapping[str, Any] | None = None,
        reports: tuple[str, str] | None = None,
        cohort: Mapping[str, Mapping[str, Any]] | None = None,
        **content: Any,
    ) -> Self:
        """Draft a campaign, approve it, and let its schools start.

        Args:
            schools: of the county.
            year: of graduation.
            parameters: over those of the compliant profile.
            reports: first and last day of attendance; one day before the meetings where no scenario asks.
            cohort: what the registry says of a school beside its classes.
            content: fields of the draft.
        """
        campaign = f"campaign/qingshan/{year}"
        begun = when(f"{year - 1}-08-25 09:00")
        county = cls(campaign, {school.code: school for school in schools}, Kernel(_no_work), begun)
        county.kernel = Kernel(lambda job: county._work(job, cohort or {}))
        first, last = reports or (f"{year - 1}-11-03", f"{year - 1}-11-03")
        start = {
            "actor": OFFICER.model_dump(mode="json"),
            "command_id": "draft",
            "campaign": campaign,
            "county": "qingshan",
            "year": year,
            "clock": "stepped",
            "content_digest": DIGEST,
            "policy": compliant(**(parameters or {})).model_dump(mode="json"),
            "calendar": calendar(year - 1, year, year + 1).model_dump(mode="json"),
            "rule": DEFAULT_RULE.model_dump(mode="json"),
            "stages": windows(year),
            "schools": [
                {
                    "code": school.code,
                    "snapshot": f"snp_{school.code}",
                    "snapshot_digest": DIGEST,
                    "pupils": sum(group.pupils for group in school.classes.values()),
                    "classes": len(school.classes),
                }
                for school in schools
            ],
            "qualified_schools": [VOCATIONAL, OTHER_VOCATIONAL],
            "release": RELEASE,
            "gateway": FAMILIES.key.model_dump(),
            "attendance": {"first": first, "last": last},
            "quotas": {school.code: school.quotas("quota") for school in schools},
            **content,
        }
        if any(group.spring for school in schools for group in school.classes.values()):
            start["spring_quotas"] = {school.code: school.quotas("spring") for school in schools}
        await county.kernel.begin(
            Carry(stream=campaign, kind="campaign", clock="stepped", start=start, started_at=county.now)
        )
        await county.do("", "approve", APPROVER)
        return county

    # -- time and commands --------------------------------------------------------------------------------------

    async def to(self, instant: str | datetime) -> Self:
        """Let time pass for all streams, in the order of what is due."""
        end = when(instant) if isinstance(instant, str) else instant
        await self._carry()
        while True:
            waiting = [(due, name) for name, machine in self.kernel.machines.items() if (due := machine.due())]
            if not waiting or min(waiting)[0] > end:
                break
            due, name = min(waiting)
            self.now = max(self.now, due)
            await self.kernel.tick(name, self.now)
            await self._carry()
        self.now = max(self.now, end)
        return self

    async def do(self, tail: str, kind: str, who: Actor, **fields: Any) -> Answer:
        """Give a command that goes through; news reach their streams at once."""
        answer = await self._submit(tail, kind, who, fields)
        assert answer.accepted, answer.refused
        await self._carry()
        return answer

    async def refusal(self, tail: str, kind: str, who: Actor, **fields: Any) -> Refusal:
        """Give a command that is refused without a trace; return the refusal."""
        try:
            await self._submit(tail, kind, who, fields)
        except Refusal as refusal:
            return refusal
        raise AssertionError(f"{kind} was not refused")

    async def refused(self, tail: str, kind: str, who: Actor, **fields: Any) -> str:
        """Give a command that is refused; return the code, of a list's rows that of the first."""
        try:
            answer = await self._submit(tail, kind, who, fields)
        except Refusal as refusal:
            rows = refusal.parameters.get("rows")
            return str(rows[0]["code"] if rows else refusal.code)
        assert not answer.accepted, f"{kind} was not refused"
        assert answer.refused is not None
        return str(answer.refused["code"])

    def events(self, tail: str, event_type: str | None = None) -> list[dict[str, Any]]:
        """Return a stream's events, of one type where named."""
        written = self.kernel.ledger[self._stream(tail)]
        return [envelope for envelope in written if event_type in (None, envelope["type"])]

    def state(self, tail: str) -> Any:
        """Return a stream's state."""
        return self.kernel.machines[self._stream(tail)].state

    # -- the record -----------------------------------------------------------------------------------------------

    async def write(self, data: Path) -> Path:
        """Write the ledger, and the registry with the staff, into a data directory; return it."""
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{data / 'ledger.db'}")
        try:
            for stream, envelopes in self.kernel.ledger.items():
                await ledger.append(envelopes, [], self.kernel.machines[stream].view())
        finally:
            await ledger.close()
        registry = await Registry.open(f"sqlite+aiosqlite:///{data / 'registry.db'}", load_pepper(data / "pepper"))
        try:
            await registry.replace_staff(self.campaign, self._staff())
        finally:
            await registry.close()
        return data

    # -- inside ---------------------------------------------------------------------------------------------------

    def _staff(self) -> Iterator[StaffMember]:
        for actor in BUREAU:
            yield StaffMember(staff_ref=actor.id, role=actor.role.value)
        for school in self.schools.values():
            for actor in (school.head, school.leader, school.principal):
                yield StaffMember(staff_ref=actor.id, role=actor.role.value, school=school.code)

    def _stream(self, tail: str) -> str:
        return f"{self.campaign}/{tail}" if tail else self.campaign

    async def _submit(self, tail: str, kind: str, who: Actor, fields: dict[str, Any]) -> Answer:
        command = {"kind": kind, "command_id": f"c-{next(self._numbers)}", "actor": who, **fields}
        raw = TypeAdapter(dict[str, Any]).dump_python(command, mode="json")
        return await self.kernel.submit_unrecorded(self._stream(tail), raw, at=self.now)

    async def _carry(self) -> None:
        """Let every stream take in the news that wait for it."""
        machines = self.kernel.machines
        while waiting := [(name, machine.carry.inbox) for name, machine in machines.items() if machine.carry.inbox]:
            for name, inbox in waiting:
                await self.kernel.tick(name, self.now, [message.id for message in inbox])

    async def _work(self, job: Job, beside: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        code = job.arguments["snapshot"].removeprefix("snp_")
        assert job.name == "cohort"
        return {"classes": self.schools[code].cohort, **beside.get(code, {})}


async def from_record(data: Path, campaign: str, as_at: datetime | None = None) -> Recorded:
    """Return what a settlement looks at, folded from the ledger of a data directory."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data / 'ledger.db'}")
    try:
        return await recorded(ledger, campaign, as_at)
    finally:
        await ledger.close()


async def broken(data: Path, campaign: str) -> list[dict[str, Any]]:
    """Return what an independent reader of the ledger finds broken of the invariants (DOMAIN §8.2)."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data / 'ledger.db'}")
    try:
        found = (await check_campaign(ledger, campaign)).as_data("en")
    finally:
        await ledger.close()
    assert found["events"], "there is nothing to read"
    return [*found["breaches"]]


async def _no_work(job: Job) -> dict[str, Any]:
    raise NotImplementedError(job.name)
