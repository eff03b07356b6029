"""A small campaign on the kernel, stepped by hand: whatever is done to it, what must always hold is looked at."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from filing_families import OTHER_RECEIVING, RECEIVING, Families
from stream_samples import (
    APPROVER,
    CAMPAIGN,
    CLASSES,
    OFFICER,
    OTHER_SCHOOL,
    SCHOOL,
    F,
    campaign_start,
    policy,
    proposal,
    proposals,
    when,
)

from domain.actors import FAMILY, GATEWAY, Actor
from domain.application_filing import ApplicationFilingDecider
from domain.application_filing_commands import DeliverFamilyActs
from domain.application_filing_events import FamilyEvent
from domain.application_filing_state import ApplicationFilingState, counted
from domain.deciders import DECIDERS, kind_of
from domain.events import Envelope
from domain.kernel import Kernel
from domain.machine import Machine
from domain.notices import notices_for, student_of
from domain.refusal import Refusal
from domain.stream import Answer, Carry, Job, apply, envelope_event
from domain.time import stamp

T = TypeVar("T")

BEGINNING = "2026-05-04 08:00"
STAGES = {
    "identification": {"opens": "2026-05-06", "due": "2026-05-29", "after": []},
    "parent-meetings": {"opens": "2026-05-06", "due": "2026-06-12", "after": ["identification"]},
    "school-visits": {"opens": "2026-05-06", "due": "2026-06-26", "after": []},
    "application-filing": {"opens": "2026-05-06", "due": "2026-11-20", "after": []},
    "retention": {"opens": "2026-09-01", "due": "2027-03-31", "after": []},
}
WINDOW = {"first": "2026-05-12", "last": "2026-07-10"}
ATTENDANCE = {"first": "2026-05-06", "last": "2026-05-29"}
PAYING = {"payable": True, "reward_tiers": [["1/1", 300]], "penalty": 50, "points_full": 5, "points_missing": -1}
FAMILY_EVENTS = {kind.__name__ for kind in ApplicationFilingDecider.event_types if issubclass(kind, FamilyEvent)}
OF_OTHERS = ("WithdrawalReported",)
"""What others bring about, also for a pupil who has left: the outbox mutes what they plan (`domain/silences.py`)."""

QUOTAS = {SCHOOL: {"2026-01": 2, "2026-02": 1}, OTHER_SCHOOL: {"2026-01": 1, "2026-02": 0}}
MOST_ROUNDS = 500
DAY = timedelta(days=1)


def of_school(value: Any, school: str) -> Any:
    """Return what is said of the first school's pupils as it is said of the second's."""
    text = json.dumps(value)
    return json.loads(text.replace("stu_0", "stu_8").replace("gdn_0", "gdn_8")) if school == OTHER_SCHOOL else value


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run what never waits: the kernel has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the kernel waited for something")


async def _work(job: Job) -> dict[str, Any]:
    if job.name == "compare_summary":
        asked = {name: job.arguments[name] for name in ("summary", "shingle")}
        match = {"summary": "sum_earlier", "campaign": "campaign/qingshan/2025", "school": SCHOOL, "about": "year"}
        return {**asked, "shingles": 10, "compared": 1, "matches": [{**match, "shared": 7}]}
    school = OTHER_SCHOOL if job.arguments["snapshot"] == "snp_000002" else SCHOOL
    if job.name == "cohort":
        return of_school({"classes": CLASSES, "under_14": [F]}, school)
    pupils = [student for members in CLASSES.values() for student in members]
    return of_school(proposals(*(proposal(student) for student in pupils)), school)


class Campaign:
    """Two schools with all stages, attendance, dropout and compliance cases, from an approved draft.

    Attributes:
        now: the one present of all streams.
        told: how many commands were taken, refused on record, refused without a trace.
        shadows: each stream's state as its events alone give it.
    """

    def __init__(self, families: Families | None = None) -> None:
        self.families = families or Families()
        self.kernel = Kernel(_work)
        self.now = when(BEGINNING)
        self.told: Counter[str] = Counter()
        self.shadows: dict[str, Any] = {}
        self.departed: set[str] = set()
        self._numbers = 0
        self._read: Counter[str] = Counter()
        start = campaign_start(
            2,
            release=3,
            stages=STAGES,
            gateway=self.families.gateway,
            qualified_schools=[RECEIVING, OTHER_RECEIVING],
            quotas=QUOTAS,
            attendance=ATTENDANCE,
            application_window=WINDOW,
            policy=policy(signature_wait_hours=1, **PAYING).model_dump(mode="json"),
        )
        start["schools"][1]["snapshot"] = "snp_000002"
        self._run(self.kernel.begin(Carry(**_beginning(start, self.now))))
        self.submit(CAMPAIGN, "approve", APPROVER)

    # -- what is done ---------------------------------------------------------------------------------------------

    def name(self, tail: str) -> str:
        """Return a stream's id from its end."""
        return f"{CAMPAIGN}/{tail}".rstrip("/")

    def machine(self, stream: str) -> Machine[Any] | None:
        """Return a stream at work; None where it has not begun or has ended, so that nobody can reach it."""
        machine = self.kernel.machines.get(stream)
        return None if machine is None or machine.finished() else machine

    def streams(self, kind: str) -> list[str]:
        """Return the streams of a kind that can be commanded."""
        return [name for name in sorted(self.kernel.machines) if kind_of(name) == kind and self.machine(name)]

    def submit(self, stream: str, kind: str, who: Actor, /, **fields: Any) -> Answer | Refusal:
        """Try a command; look at what the validator, the refusal or the events must not do."""
        machine = self.machine(stream)
        assert machine is not None, stream
        self._numbers += 1
        raw = {"command_id": f"k-{self._numbers}", "actor": who.model_dump(mode="json"), "kind": kind, **fields}
        before, version = _all_of(machine), machine.carry.version
        with contextlib.suppress(Refusal):
            machine.check(raw, max(self.now, machine.carry.time or self.now))
        assert _all_of(machine) == before, f"the validator of {kind} changed something"
        try:
            answer: Answer | Refusal = self._run(self.kernel.submit_unrecorded(stream, raw, at=self.now))
        except Refusal as refusal:
            answer = refusal
        if isinstance(answer, Refusal):
            assert not answer.recorded
            assert _all_of(machine) == before, f"a refused {kind} changed something"
            self.told["refused"] += 1
            return answer
        if answer.refused is None:
            self.told["taken"] += 1
        else:
            self.told["on record"] += 1
            written = self.kernel.ledger[stream][version:]
            assert [envelope["type"] for envelope in written] == ["CommandRefused"], kind
            assert machine.state.model_dump_json() == before.partition("\n")[2], f"{kind}: a refusal on record did more"
        self.settle()
        return answer

    def act(self, stream: str, student: str, party: str, act: str, **changes: Any) -> Answer | Refusal:
        """Let a family act; the same act with all holds taken away must come to the same (INV-30)."""
        school = stream.split("/")[3]
        student = of_school(student, school)
        at = changes.pop("at", self.now)
        signed = self.families.act(student, party, act, at, school=school, **changes)
        machine = self.machine(stream)
        assert machine is not None
        held, free = machine.state, machine.state.model_copy(update={"holds": {}})
        assert _decided(held, signed, self.now) == _decided(free, signed, self.now), "a hold changed a family's act"
        return self.submit(stream, "deliver_family_acts", GATEWAY, acts=[signed])

    def to(self, instant: datetime) -> None:
        """Let time pass; every stream does what is due, in the order of instants."""
        for _ in range(MOST_ROUNDS):
            self.settle()
            dues = [(due, name) for name in self.kernel.machines if (due := self._due(name)) is not None]
            soonest = min(dues, default=None)
            if soonest is None or soonest[0] > instant:
                break
            self.now = max(self.now, soonest[0])
            self._run(self.kernel.tick(soonest[1], self.now))
        else:
            raise AssertionError("there is no end of what is due")
        self.now = max(self.now, instant)

    def settle(self) -> None:
        """Carry news and do what has become due, until nothing moves; then nothing that is due lies in the past."""
        for _ in range(MOST_ROUNDS):
            moved = False
            for name in sorted(self.kernel.machines):
                machine, due = self.machine(name), self._due(name)
                if machine is not None and (machine.carry.inbox or (due is not None and due <= self.now)):
                    moved = True
                    news = [message.id for message in machine.carry.inbox]
                    self._run(self.kernel.tick(name, self.now, news))
            if not moved:
                return
        raise AssertionError("the streams never come to rest")

    def counts(self) -> dict[str, Any]:
        """Return what the client folds for a settlement: the counts of all classes, and where they were read."""
        rows, basis = [], {}
        for school, classes in QUOTAS.items():
            stream = self.name(f"{school}/application-filing")
            machine = self.kernel.machines[stream]
            found = counted(machine.state)
            basis[stream] = {"version": machine.carry.version, "hash": machine.carry.hash}
            for class_id, quota in classes.items():
                told = {name: found[class_id][name] for name in ("pupils", "informed", "countable", "free_refusals")}
                rows.append({"school": school, "class_id": class_id, "quota": quota, **told})
        return {"classes": rows, "basis": basis, "as_at": stamp(self.now)}

    # -- what always holds ----------------------------------------------------------------------------------------

    def whole(self) -> None:
        """The events alone give every stream's state, and a family that is not registered can get out (INV-06)."""
        for name, machine in self.kernel.machines.items():
            ledger = self.kernel.ledger[name]
            assert [envelope["version"] for envelope in ledger] == list(range(1, len(ledger) + 1))
            assert self.shadows[name] == machine.state, name
        for name in self.streams("application-filing"):
            self._may_leave(self.kernel.machines[name].state, name.split("/")[3])

    def _may_leave(self, state: ApplicationFilingState, school: str) -> None:
        for student, case in state.cases.items():
            if case.registration is not None:
                continue
            act = self.families.act(student, "guardian", "withdraw", self.now, school=school)
            events = _decided(state, act, self.now)
            assert not isinstance(events, str), (student, events)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return run(work)
        finally:
            self._look_at_what_is_new()

    def _look_at_what_is_new(self) -> None:
        for name in list(self.kernel.machines):
            ledger, decider = self.kernel.ledger.get(name, []), DECIDERS[kind_of(name)]
            state = self.shadows.get(name)
            for envelope in ledger[self._read[name] :]:
                copy = json.loads(json.dumps(envelope))
                state = apply(decider, state, envelope_event(decider, copy), copy)
                self._look_at(envelope)
            self.shadows[name] = state
            self._read[name] = len(ledger)

    def _look_at(self, envelope: Envelope) -> None:
        data = envelope["data"]
        match envelope["type"]:
            case kind if kind in FAMILY_EVENTS:
                assert envelope["actor"]["role"] in FAMILY, f"INV-04: {kind} by {envelope['actor']['role']}"
            case "LeftRegister":
                self.departed.add(data["student"])
            case "StudentJoined":
                self.departed.discard(data["student"])
            case "SettlementComputed":
                lines = data["lines"]
                assert data["totals"]["amount_fen"] == sum(line["amount_fen"] for line in lines), "INV-17"
                assert data["totals"]["countable"] == sum(line["countable"] for line in lines), "INV-17"
            case _:
                pass
        if envelope["type"] in OF_OTHERS:
            return
        for plan in notices_for(envelope):
            student = student_of(plan.recipient)
            assert student not in self.departed, f"{plan.purpose} to a pupil who has left"

    def _due(self, name: str) -> datetime | None:
        machine = self.machine(name)
        return None if machine is None else machine.due()


def _beginning(start: dict[str, Any], now: datetime) -> dict[str, Any]:
    start = {**start, "actor": OFFICER.model_dump(mode="json")}
    return {"stream": CAMPAIGN, "kind": "campaign", "clock": "stepped", "start": start, "started_at": now, "time": now}


def _all_of(machine: Machine[Any]) -> str:
    """Return where a stream stands, and its state."""
    stands = (machine.carry.version, machine.carry.hash, len(machine.carry.inbox), len(machine.carry.outgoing))
    return f"{stands}\n{machine.state.model_dump_json()}"


def _decided(state: ApplicationFilingState, act: dict[str, Any], now: datetime) -> list[Any] | str:
    """Return what an act leads to, or the code of its refusal."""
    command = DeliverFamilyActs(command_id="k-0", actor=GATEWAY, acts=(act,))
    try:
        return ApplicationFilingDecider().decide(state, command, now)
    except Refusal as refusal:
        return refusal.code
