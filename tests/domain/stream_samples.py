"""Streams under test without an engine: a toy decider, samples of every kind, and a small county that routes news."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import chinese_calendar
from pydantic import AwareDatetime, Field, TypeAdapter

from domain.actors import SYSTEM, Actor, Role
from domain.calendar import Calendar, CalendarYear
from domain.deciders import DECIDERS
from domain.events import Envelope, Event
from domain.identification_rule import DEFAULT_RULE
from domain.machine import Machine
from domain.policy import PROFILES, PolicyProfile
from domain.refusal import Refusal
from domain.stream import Answer, Carry, Command, Decider, Job, Message, Outgoing, StreamState, fold, news
from domain.time import SHANGHAI, stamp

CAMPAIGN = "campaign/qingshan/2026"
SCHOOL = "9900010001"
OTHER_SCHOOL = "9900010002"
DIGEST = "d" * 64
RULE = DEFAULT_RULE.model_dump(mode="json")


def when(text: str) -> datetime:
    """Read "2025-11-03 08:00" as civil time of the county."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def published(year: int) -> CalendarYear:
    """Build the state's table of a year from the library's published facts."""
    days = [date(year, 1, 1) + timedelta(days=i) for i in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
    return CalendarYear(
        holidays=tuple(day for day in days if day.weekday() < 5 and chinese_calendar.is_holiday(day)),
        make_up_days=tuple(day for day in days if day.weekday() >= 5 and chinese_calendar.is_workday(day)),
    )


CALENDAR = Calendar(version=1, years={year: published(year) for year in (2024, 2025, 2026)})
CALENDAR_2025 = Calendar(version=1, years={2025: published(2025)})


def policy(**parameters: Any) -> PolicyProfile:
    """Return the compliant profile with some other parameters."""
    base = PROFILES["compliant"]
    merged = {**base.parameters.model_dump(mode="json"), **parameters}
    return base.model_copy(update={"parameters": type(base.parameters).model_validate(merged)})


def pupils(*numbers: int) -> tuple[str, ...]:
    """Return references of pupils."""
    return tuple(f"stu_{number:06d}" for number in numbers)


A, B, C, D, E, F = pupils(1, 2, 3, 4, 5, 6)
CLASSES = {"2026-01": [A, B, C], "2026-02": [D, E, F]}


# -- people -----------------------------------------------------------------------------------------------------


def person(name: str, role: Role, organisation: str = SCHOOL, **rest: Any) -> Actor:
    """Return somebody in a role."""
    return Actor(id=f"stf_{name}", role=role, organisation=organisation, **rest)


HEAD = person("head", Role.CLASS_HEAD)
GRADE = person("grade", Role.GRADE_LEADER)
PRINCIPAL = person("principal", Role.PRINCIPAL)
STRANGER = person("stranger", Role.PRINCIPAL, OTHER_SCHOOL)
OFFICER = person("officer", Role.BUREAU_OFFICER, "bureau")
APPROVER = person("approver", Role.BUREAU_APPROVER, "bureau")
AUDITOR = person("auditor", Role.AUDITOR, "bureau")
EVERYBODY = (HEAD, GRADE, PRINCIPAL, STRANGER, OFFICER, APPROVER, AUDITOR)


# -- a toy stream -----------------------------------------------------------------------------------------------


class Began(Event):
    """The toy begins with the instants at which it rings."""

    policy: dict[str, Any]
    bells: tuple[AwareDatetime, ...] = ()


class Added(Event):
    """A number was added."""

    number: int


class Rang(Event):
    """A bell rang, with the total of that moment."""

    total: int


class Heard(Event):
    """News came."""

    kind: str


class Add(Command):
    """Add a number; the total never falls below zero."""

    kind: Literal["add"] = "add"
    number: int


class Fail(Command):
    """Be refused, with or without a trace."""

    kind: Literal["fail"] = "fail"
    recorded: bool = False


class ToyState(StreamState):
    """A total, and the bells still to ring."""

    total: int = 0
    bells: list[AwareDatetime] = []


class Toy(Decider[ToyState]):
    """The smallest decider that uses every part of the machine."""

    kind = "toy"
    state_type = ToyState
    commands: TypeAdapter[Any] = TypeAdapter(Annotated[Add | Fail, Field(discriminator="kind")])
    event_types = (Began, Added, Rang, Heard)

    def begin(self, start, now):
        """Begin with the bells."""
        del now
        return SYSTEM, [Began.model_validate(start)]

    def decide(self, state, command, now):
        """Add or refuse."""
        del now
        match command:
            case Add(number=number):
                if state.total + number < 0:
                    raise Refusal("NOT_COMPLETE", total=state.total)
                return [Added(number=number)]
            case Fail(recorded=recorded):
                raise Refusal("WRONG_SCHOOL", recorded=recorded)

    def evolve(self, state, event, envelope):
        """Apply an event."""
        del envelope
        match event:
            case Began(policy=profile, bells=bells):
                return ToyState(policy=PolicyProfile.model_validate(profile), bells=sorted(bells))
            case Added(number=number):
                state.total += number
            case Rang():
                state.bells.pop(0)
        return state

    def due(self, state):
        """Return the next bell."""
        return state.bells[0] if state.bells else None

    def on_due(self, state, instant):
        """Ring."""
        del instant
        return [Rang(total=state.total)]

    def absorb(self, state, message, now):
        """Write down what news came."""
        del state, now
        return [Heard(kind=message.kind)]

    def outgoing(self, state, event, envelope):
        """Tell a neighbour of every number."""
        del state
        return [news("neighbour", "added", envelope, number=event.number)] if isinstance(event, Added) else []

    def view(self, state):
        """Show the total."""
        return {"total": state.total}


# -- one stream, stepped ----------------------------------------------------------------------------------------


class Stream:
    """One machine on a stepped clock, with its ledger; every command passes the validator first, as in the engine."""

    def __init__(
        self, kind: str, start: dict[str, Any], now: datetime, name: str = "", decider: Decider[Any] | None = None
    ) -> None:
        name = name or {"campaign": CAMPAIGN, "school": f"{CAMPAIGN}/{SCHOOL}"}.get(kind, f"{CAMPAIGN}/{SCHOOL}/{kind}")
        self.decider = decider or DECIDERS[kind]
        self.ledger: list[Envelope] = []
        carry = Carry(stream=name, kind=kind, clock="stepped", start=start, started_at=now, time=now)
        self.machine = Machine(self.decider, carry)
        self.machine.begin(now)
        self.numbers = itertools.count(1)
        self.versions = itertools.count(1)
        self.flush()

    @property
    def now(self) -> datetime:
        """The stepped present."""
        return self.machine.carry.time

    @property
    def state(self) -> Any:
        """The state."""
        return self.machine.state

    def flush(self) -> list[Envelope]:
        """Move the queue to the ledger and return what was in it."""
        written = list(self.machine.queue)
        self.ledger += written
        self.machine.queue.clear()
        return written

    def names(self) -> list[str]:
        """Return the types of all events."""
        return [envelope["type"] for envelope in self.ledger]

    def last(self, event_type: str) -> dict[str, Any]:
        """Return the latest envelope of a type."""
        return next(envelope for envelope in reversed(self.ledger) if envelope["type"] == event_type)

    def moments(self, event_type: str) -> list[str]:
        """Return when events of a type happened, as "2025-11-03 08:00"."""
        return [
            envelope["occurred_at"][:16].replace("T", " ") for envelope in self.ledger if envelope["type"] == event_type
        ]

    def to(self, instant: datetime | str) -> Stream:
        """Let time pass as a driver does: stop at everything that is due on the way."""
        instant = when(instant) if isinstance(instant, str) else instant
        while (due := self.machine.due()) is not None and due <= instant:
            self.machine.step(due)
            self.machine.tick(self.now)
        self.machine.step(instant)
        self.flush()
        return self

    def command(self, kind: str, who: Actor, **fields: Any) -> dict[str, Any]:
        """Write a command as it travels."""
        raw = {"command_id": f"c-{next(self.numbers)}", "actor": who.model_dump(mode="json"), "kind": kind, **fields}
        return TypeAdapter(dict[str, Any]).dump_python(raw, mode="json")

    def snapshot(self) -> str:
        """Return all that the machine is, to compare."""
        state = None if self.state is None else self.state.model_dump_json()
        return f"{self.machine.carry.model_dump_json()}\n{state}\n{self.machine.queue}"

    def submit(self, raw: dict[str, Any]) -> Answer:
        """Check, then submit, as the engine does."""
        before = self.snapshot()
        try:
            self.machine.check(raw, self.now)
        finally:
            assert self.snapshot() == before, "the validator changed something"
        try:
            return self.machine.submit(raw, self.now)
        finally:
            self.flush()

    def do(self, kind: str, who: Actor, **fields: Any) -> Answer:
        """Do something that goes through."""
        answer = self.submit(self.command(kind, who, **fields))
        assert answer.accepted, answer.refused
        return answer

    def refusal(self, kind: str, who: Actor, **fields: Any) -> Refusal:
        """Try something that both the validator and the handler refuse without a trace; return the refusal."""
        raw, before = self.command(kind, who, **fields), self.snapshot()
        refusals = []
        for way_in in (self.machine.check, self.machine.submit):
            try:
                way_in(raw, self.now)
            except Refusal as refusal:
                refusals.append(refusal)
        assert self.snapshot() == before, "a refusal without trace left one"
        assert len(refusals) == 2, f"{kind} was not refused"
        assert refusals[0].as_data() == refusals[1].as_data()
        assert not refusals[0].recorded
        return refusals[0]

    def recorded(self, kind: str, who: Actor, **fields: Any) -> str:
        """Try something that is refused and kept; return the code."""
        answer = self.submit(self.command(kind, who, **fields))
        assert not answer.accepted
        kept = self.ledger[-1]
        assert (kept["type"], kept["data"]["command"], kept["actor"]["id"]) == ("CommandRefused", kind, who.id)
        assert kept["data"]["code"] == answer.refused["code"]
        return answer.refused["code"]

    def hear(self, kind: str, sender: str = "", **data: Any) -> Answer:
        """Take in news."""
        sender = sender or self.machine.carry.stream.rpartition("/")[0]
        message = Message(id=f"{sender}#{next(self.versions)}", kind=kind, data=data, at=self.now)
        assert self.machine.receive(message)
        answer = self.machine.tick(self.now, [message.id])
        self.flush()
        return answer

    def give(self, name: str, data: dict[str, Any]) -> Answer:
        """Take in the result of a job."""
        assert self.machine.receive(Message(id=f"job:{name}", kind=name, data=data, at=self.now))
        answer = self.machine.tick(self.now, [f"job:{name}"])
        self.flush()
        return answer

    def restart(self) -> None:
        """Continue as new, through JSON."""
        before = self.state
        carry = Carry.model_validate_json(self.machine.carry_over().model_dump_json())
        self.machine = Machine(self.decider, carry)
        assert self.state == before, "a run did not begin where the last one ended"

    def consistent(self) -> None:
        """Assert that the ledger alone gives the state, without a gap."""
        assert [envelope["version"] for envelope in self.ledger] == list(range(1, len(self.ledger) + 1))
        assert fold(self.decider, self.ledger) == self.state


def toy(*bells: datetime) -> Stream:
    """Return a toy stream."""
    start = {"policy": policy().model_dump(mode="json"), "bells": [stamp(bell) for bell in bells]}
    return Stream("toy", start, when("2025-11-03 08:00"), name="toy/1", decider=Toy())


# -- stages -----------------------------------------------------------------------------------------------------


def stage_start(stage: str, **changes: Any) -> dict[str, Any]:
    """Return what a school gives a stage: open from Monday 3 November 2025, due on Friday the 28th."""
    start = {
        "campaign": CAMPAIGN,
        "school": SCHOOL,
        "stage": stage,
        "opens": "2025-11-03",
        "due": "2025-11-28",
        "after": [],
        "classes": CLASSES,
        "policy": policy().model_dump(mode="json"),
        "calendar": CALENDAR.model_dump(mode="json"),
        "paused": [],
        "stopped": False,
        "content": {"year": 2026, "snapshot": "snp_000001", "snapshot_digest": DIGEST, "rule": RULE},
    }
    return {**start, **changes}


def stage(kind: str, now: str = "2025-10-20 08:00", **changes: Any) -> Stream:
    """Return a planned stage on its stepped clock, two weeks before it opens."""
    return Stream(kind, stage_start(kind, **changes), when(now))


def proposal(student: str, code: str = "NO_NEED", *help_: str) -> dict[str, Any]:
    """Return what the registry's job says of one pupil."""
    return {"student": student, "code": code, "help": list(help_), "reasons": [], "commitment": "c" * 64}


def proposals(*items: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the registry's job."""
    return {"rule": "help-needs", "rule_version": 1, "rule_digest": DIGEST, "proposals": list(items)}


def usual_proposals() -> dict[str, Any]:
    """Return one of each kind, and nothing for the rest."""
    return proposals(
        proposal(A, "HELP", "STUDY"), proposal(B), proposal(C, "DATA_UNKNOWN"), *(proposal(s) for s in (D, E, F))
    )


def identification(now: str = "2025-11-03 08:00", **changes: Any) -> Stream:
    """Return an open identification with its proposals."""
    stream = stage("identification", **changes).to(now)
    stream.give("proposals", usual_proposals())
    return stream


def decide_all(stream: Stream) -> None:
    """Decide every pupil of the usual proposals."""
    stream.do("confirm", HEAD, students=[A, B, D, E, F])
    stream.do("confirm", HEAD, students=[C], help=[], reason="SEEN")


def finish_identification(stream: Stream) -> None:
    """Take an identification with its proposals to its sign-off."""
    decide_all(stream)
    stream.do("freeze", PRINCIPAL)
    stream.do("complete", PRINCIPAL)


# -- a county ---------------------------------------------------------------------------------------------------


def campaign_start(schools: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a draft: two stages with content, the second after the first."""
    codes = [f"990001{number:04d}" for number in range(1, schools + 1)]
    windows = {
        "identification": {"opens": "2025-11-03", "due": "2025-11-28", "after": []},
        "parent-meetings": {"opens": "2025-12-01", "due": "2025-12-31", "after": ["identification"]},
    }
    start = {
        "actor": OFFICER.model_dump(mode="json"),
        "command_id": "draft-1",
        "campaign": CAMPAIGN,
        "county": "qingshan",
        "year": 2026,
        "clock": "stepped",
        "content_digest": DIGEST,
        "policy": policy().model_dump(mode="json"),
        "calendar": CALENDAR.model_dump(mode="json"),
        "rule": RULE,
        "stages": windows,
        "schools": [
            {"code": code, "snapshot": "snp_000001", "snapshot_digest": DIGEST, "pupils": 6, "classes": 2}
            for code in codes
        ],
        "qualified_schools": [],
    }
    return {**start, **changes}


class County:
    """All streams of a campaign, with news and jobs carried between them; jobs can be held back."""

    def __init__(self, start: dict[str, Any], now: str = "2025-10-20 08:00") -> None:
        self.campaign = Stream("campaign", start, when(now))
        self.streams = {CAMPAIGN: self.campaign}
        self.hold_jobs: set[str] = set()
        self.sent: list[tuple[str, Outgoing]] = []
        self.proposals = usual_proposals()

    def __getitem__(self, tail: str) -> Stream:
        """Return a stream by the end of its id."""
        return self.streams[f"{CAMPAIGN}/{tail}"]

    def settle(self) -> County:
        """Carry everything until nothing moves."""
        while self._carry_once():
            pass
        return self

    def to(self, instant: str) -> County:
        """Let time pass for all streams in the order of what is due."""
        end = when(instant)
        while True:
            self.settle()
            dues = [(due, name) for name, stream in self.streams.items() if (due := stream.machine.due())]
            if not dues or min(dues)[0] > end:
                break
            due, name = min(dues)
            self.streams[name].to(due)
        for stream in self.streams.values():
            stream.machine.step(end)
        return self

    def do(self, tail: str, kind: str, who: Actor, **fields: Any) -> Answer:
        """Command a stream and carry what follows."""
        stream = self.streams[f"{CAMPAIGN}/{tail}".rstrip("/")]
        answer = stream.do(kind, who, **fields)
        self.settle()
        return answer

    def _carry_once(self) -> bool:
        moved = False
        for name, stream in list(self.streams.items()):
            stream.flush()
            outgoing, stream.machine.carry.outgoing = stream.machine.carry.outgoing, []
            for item in outgoing:
                moved = True
                self.sent.append((name, item))
                self._deliver(item, stream.now)
            job = stream.machine.job()
            if job is not None and name not in self.hold_jobs:
                moved = True
                stream.give(job.name, self._work(job))
        return moved

    def _deliver(self, item: Outgoing, now: datetime) -> None:
        if item.child is not None:
            self.streams[item.to] = Stream(item.child, item.start, now, name=item.to)
            return
        target = self.streams[item.to]
        target.machine.step(now)
        if target.machine.receive(item.message):
            target.machine.tick(target.now, [item.message.id])
            target.flush()

    def _work(self, job: Job) -> dict[str, Any]:
        return {"classes": CLASSES} if job.name == "cohort" else self.proposals


def running_county(schools: int = 1, now: str = "2025-10-20 08:00", **changes: Any) -> County:
    """Return an approved campaign whose schools have started as far as the window allows."""
    county = County(campaign_start(schools, **changes), now)
    county.do("", "approve", APPROVER)
    return county
