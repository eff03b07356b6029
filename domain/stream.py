"""One stream's machine: from command to sealed events, the same with and without an engine.

A `Decider` holds the rules of one kind of stream; the `Machine` around it does what all streams share: the two
clocks, command ids, recorded refusals, the hash chain, the inbox and what leaves for other streams. It is pure: the
workflow shell and the in-memory kernel (`domain.kernel`) drive the same machine, so both write the same events
(design, sections 3 and 6; INV-27, INV-28).
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.actors import SYSTEM, Actor
from domain.events import (
    GENESIS,
    CommandRefused,
    Envelope,
    Event,
    PolicyAdopted,
    SignalRefused,
    event_id,
    seal,
)
from domain.policy import PolicyProfile, PolicyRef
from domain.refusal import Blocker, Refusal
from domain.time import SHANGHAI, civil

COMMAND_ID = r"^[A-Za-z0-9][A-Za-z0-9._:/#@-]{0,127}$"
CODE = r"^[A-Z][A-Z0-9_]{1,63}$"
STUDENT = r"^stu_[a-z0-9]{6,32}$"
NOTE = r"^nte_[a-z0-9]{6,32}$"
CLASS = r"^\d{4}-\d{2}$"
LABEL = r"^[a-z0-9][a-z0-9-]{0,39}$"

EVENTS_PER_TICK = 200
REFUSED_SIGNALS_A_DAY = 100
DIGEST_LENGTH = 16
LABEL_LENGTH = 40


class Command(BaseModel):
    """What somebody wants done; imperative. Every field is a code, a reference, a date or a count, never free text."""

    model_config = ConfigDict(frozen=True)

    command_id: str = Field(pattern=COMMAND_ID)
    actor: Actor
    occurred_at: AwareDatetime | None = None
    late_reason: str | None = Field(default=None, pattern=CODE)
    reason: str | None = Field(default=None, pattern=CODE)
    note: str | None = Field(default=None, pattern=NOTE)


class StreamState(BaseModel):
    """What every stream's state has. Subclasses add theirs; `evolve` owns the object and may change it in place."""

    policy: PolicyProfile


S = TypeVar("S", bound=StreamState)


class Message(BaseModel):
    """News from another of our streams, or the result of a job; waits in the inbox until a tick absorbs it."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    data: dict[str, Any] = {}
    at: AwareDatetime
    hash: str = ""


class Outgoing(BaseModel):
    """What leaves for another stream after the ledger has its cause: a message, or the start of a child."""

    model_config = ConfigDict(frozen=True)

    to: str
    message: Message | None = None
    child: str | None = None
    start: dict[str, Any] | None = None
    cause: str | None = None
    at: AwareDatetime | None = None


class Sent(BaseModel):
    """The address label of an `Outgoing`, as answers carry it to whoever drives a stepped clock."""

    model_config = ConfigDict(frozen=True)

    to: str
    id: str | None


class Job(BaseModel):
    """Work in the outside world that the state asks for; its result comes back as the message `job:{name}`."""

    model_config = ConfigDict(frozen=True)

    name: str
    arguments: dict[str, Any]

    @property
    def message_id(self) -> str:
        """Return the id under which the result arrives in the inbox."""
        return f"job:{self.name}"


class Receipt(BaseModel):
    """Where a command stands in the record: its events are `first_version` to `last_version` of the stream."""

    model_config = ConfigDict(frozen=True)

    stream: str
    first_version: int
    last_version: int
    hash: str


class Answer(BaseModel):
    """What a submit or a tick answers at once."""

    model_config = ConfigDict(frozen=True)

    accepted: bool = True
    refused: dict[str, Any] | None = None
    receipt: Receipt
    sent: tuple[Sent, ...] = ()
    next_due: AwareDatetime | None = None
    job: str | None = None
    closed: bool = False


class CommandRecord(BaseModel):
    """What the stream remembers of a command for its whole life (the server forgets Update ids)."""

    first: int
    last: int
    hash: str
    digest: str
    refused: dict[str, Any] | None = None


class Halt(BaseModel):
    """Why a stream refuses everything but reads: the ledger holds another event at this version."""

    version: int
    expected: str
    found: str


class Carry(BaseModel):
    """All of a machine that survives continue-as-new; also the workflow's input."""

    stream: str
    kind: str
    clock: Literal["engine", "stepped"] = "engine"
    start: dict[str, Any] | None = None
    started_at: AwareDatetime | None = None
    cause: str | None = None
    time: AwareDatetime | None = None
    version: int = 0
    hash: str = GENESIS
    state: dict[str, Any] | None = None
    commands: dict[str, CommandRecord] = {}
    inbox: list[Message] = []
    outgoing: list[Outgoing] = []
    absorbed: dict[str, int] = {}
    sent: dict[str, list[Sent]] = {}
    halted: Halt | None = None
    signal_day: str = ""
    signals_refused: int = 0
    predecessor: str | None = None
    runs: int = 1


class UnknownEventError(Exception):
    """A stream holds an event that this version of the rules does not know; folding it would lose a fact."""


class Decider(ABC, Generic[S]):
    """The rules of one kind of stream. Pure: the same arguments give the same answer for ever."""

    kind: ClassVar[str]
    state_type: type[S]
    commands: TypeAdapter[Any]
    event_types: tuple[type[Event], ...]

    @abstractmethod
    def begin(self, start: dict[str, Any], now: datetime) -> tuple[Actor, list[Event]]:
        """Return who begins the stream and its first events, from the start that a parent or client gave."""

    @abstractmethod
    def decide(self, state: S, command: Any, now: datetime) -> list[Event]:
        """Return what a command leads to; changes nothing.

        Raises:
            Refusal: the rules do not allow it.
        """

    @abstractmethod
    def evolve(self, state: S | None, event: Event, envelope: Envelope) -> S:
        """Return the state after an event; the state given is owned and may be changed in place."""

    def due(self, state: S) -> datetime | None:
        """Return the next instant at which the stream must act by itself, if any."""
        del state
        return None

    def on_due(self, state: S, instant: datetime) -> list[Event]:
        """Return what becomes due at an instant that `due` named."""
        raise NotImplementedError(f"{self.kind} named {instant} as due for {state!r} and has no rule for it")

    def absorb(self, state: S, message: Message, now: datetime) -> list[Event]:
        """Return what news from another stream or a job's result leads to here."""
        raise UnknownEventError(f"{self.kind} takes no message {message.kind} at {now} in {type(state).__name__}")

    def outgoing(self, state: S, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Return what an event sends to other streams; the state is the one after the event."""
        del state, event, envelope
        return []

    def job(self, state: S) -> Job | None:
        """Return the work in the outside world that the state waits for, if any."""
        del state
        return None

    def finished(self, state: S) -> bool:
        """Tell whether the stream has nothing left to do for ever."""
        del state
        return False

    def last_archives(self, state: S) -> list[str]:
        """Return the ids of the streams whose last runs this one archives before it ends."""
        del state
        return []

    @abstractmethod
    def view(self, state: S) -> dict[str, Any]:
        """Return the line of the board for this stream, as JSON values; a pure function of the state."""

    def blockers(self, state: S) -> tuple[Blocker, ...]:
        """Return what stands in the way of completing, if the stream can be completed."""
        del state
        return ()


def envelope_event(decider: Decider[S], envelope: Envelope) -> Event:
    """Read an envelope's event with the decider's types.

    Raises:
        UnknownEventError: the type is not one of the decider's.
    """
    shared: tuple[type[Event], ...] = (CommandRefused, SignalRefused, PolicyAdopted)
    for event_type in (*decider.event_types, *shared):
        if event_type.__name__ == envelope["type"]:
            return event_type.model_validate(envelope["data"])
    raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")


def apply(decider: Decider[S], state: S | None, event: Event, envelope: Envelope) -> S:
    """Return the state after an event, the stream's own or one that all streams share."""
    match event:
        case CommandRefused() | SignalRefused():
            if state is None:
                raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
            return state
        case PolicyAdopted(profile=profile):
            if state is None:
                raise UnknownEventError(f"{envelope['stream']} begins with {envelope['type']}")
            state.policy = PolicyProfile.model_validate(profile)
            return state
        case _:
            return decider.evolve(state, event, envelope)


def fold(decider: Decider[S], envelopes: Iterable[Envelope]) -> S | None:
    """Rebuild a stream's state from its events alone (A1: the log is the truth)."""
    state: S | None = None
    for envelope in envelopes:
        state = apply(decider, state, envelope_event(decider, envelope), envelope)
    return state


def command_digest(raw: Any) -> str:
    """Return a short digest of a command or message, enough to tell two of them apart.

    Takes any JSON, also numbers that RFC 8785 has no form for: what came from outside must never break a handler.
    """
    text = json.dumps(raw, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def _own_digest(command: Any) -> str:
    """Return a command's digest over what was said, so that a field which a later release adds changes nothing."""
    return command_digest({**command.model_dump(mode="json", exclude_defaults=True), "kind": command.kind})


def unknown_fields(raw: Any, read: Any, place: str = "") -> Iterator[str]:
    """Yield the places of what was written and is no field of what was read, rows and all."""
    match raw, read:
        case dict(), BaseModel():
            for name, value in raw.items():
                if name in type(read).model_fields:
                    yield from unknown_fields(value, getattr(read, name), f"{place}{name}.")
                else:
                    yield f"{place}{name[:LABEL_LENGTH]}"
        case (list() | tuple(), list() | tuple()):
            for number, (value, part) in enumerate(zip(raw, read, strict=True)):
                yield from unknown_fields(value, part, f"{place}{number}.")
        case _:
            return


class Machine(Generic[S]):
    """One stream at work: the only writer of its events.

    Attributes:
        queue: sealed events that the ledger does not have yet, with their sizes in bytes.
        outgoing: what leaves once the queue that caused it is in the ledger.
    """

    def __init__(self, decider: Decider[S], carry: Carry) -> None:
        self.decider = decider
        self.carry = carry
        self.queue: list[Envelope] = []
        self.state: S | None = None if carry.state is None else decider.state_type.model_validate(carry.state)
        self._policy: PolicyProfile | None = None
        self._reference: PolicyRef | None = None

    # -- time -------------------------------------------------------------------------------------------------

    def now(self, engine_now: datetime) -> datetime:
        """Return the stream's present: the engine's clock, or the stepped time that its driver gave it."""
        if self.carry.clock == "engine":
            return engine_now.astimezone(SHANGHAI)
        if self.carry.time is None:
            raise Refusal("CLOCK_NOT_STEPPED")
        return self.carry.time

    def step(self, at: datetime) -> None:
        """Move a stepped clock forward; an earlier time leaves it where it is.

        Raises:
            Refusal: CLOCK_NOT_STEPPED, the campaign runs on the engine's clock.
        """
        if self.carry.clock != "stepped":
            raise Refusal("CLOCK_NOT_STEPPED")
        at = at.astimezone(SHANGHAI)
        if self.carry.time is None or at > self.carry.time:
            self.carry.time = at

    def due(self) -> datetime | None:
        """Return the next instant at which the stream must act by itself."""
        return None if self.state is None or self.carry.halted else self.decider.due(self.state)

    # -- the ways in ------------------------------------------------------------------------------------------

    def begin(self, now: datetime) -> None:
        """Write the stream's first events; does nothing where it has begun."""
        if self.state is not None or self.carry.start is None:
            return
        actor, events = self.decider.begin(self.carry.start, now)
        policy = PolicyProfile.model_validate(self.carry.start["policy"])
        for event in events:
            self._record(event, now, now, actor, self.carry.start.get("command_id"), self.carry.cause, "begin", policy)
        self.carry.start = None

    def check(self, raw: dict[str, Any], now: datetime) -> None:
        """Refuse a command that needs no trace; changes nothing (the Update's validator).

        Raises:
            Refusal: with the code that the caller gets.
        """
        command = self._parse(raw, strict=True)
        if self._known(command) is not None:
            return
        self._refuse_if_halted()
        due = self.due()
        if due is not None and due <= now:
            return  # the handler first does what is due, then decides
        try:
            self._decide(command, now)
        except Refusal as refusal:
            if not refusal.recorded:
                raise

    def submit(self, raw: dict[str, Any], now: datetime) -> Answer:
        """Decide a command and write what it leads to (the Update's handler).

        Raises:
            Refusal: the rules do not allow it and the record need not know.
        """
        command = self._parse(raw, strict=False)
        known = self._known(command)
        if known is not None:
            return self._answer(known.first, known.last, known.hash, (command.command_id,), known.refused)
        self._refuse_if_halted()
        self._do_what_is_due(now)
        first = self.carry.version + 1
        refused: dict[str, Any] | None = None
        try:
            events = self._decide(command, now)
        except Refusal as refusal:
            if not refusal.recorded:
                raise
            refused = refusal.as_data()
            events = [
                CommandRefused(command=command.kind, code=refusal.code, digest=command_digest(raw)),
            ]
        occurred = command.occurred_at or now
        for event in events:
            self._record(event, occurred, now, command.actor, command.command_id, None, command.command_id)
        self.carry.commands[command.command_id] = CommandRecord(
            first=first,
            last=self.carry.version,
            hash=self.carry.hash,
            digest=_own_digest(command),
            refused=refused,
        )
        return self._answer(first, self.carry.version, self.carry.hash, (command.command_id,), refused)

    def tick(self, now: datetime, absorb: Sequence[str] = ()) -> Answer:
        """Do all that is due by `now`, then take in the named messages of the inbox, in the order named."""
        first = self.carry.version + 1
        self._refuse_if_halted()
        self._do_what_is_due(now)
        for name in absorb:
            self._absorb(name, now)
        triggers = ("begin", "due", *absorb)
        return self._answer(min(first, self.carry.version), self.carry.version, self.carry.hash, triggers)

    def receive(self, message: Message) -> bool:
        """Put news into the inbox; what was taken in before is dropped. Tells whether it is new.

        Raises:
            Refusal: SENDER_NOT_RELATED, the sender is neither this stream's parent nor one of its children.
        """
        sender = message.id.rpartition("#")[0]
        if sender and not related(sender, self.carry.stream):
            raise Refusal("SENDER_NOT_RELATED")
        if self.was_absorbed(message.id) or any(waiting.id == message.id for waiting in self.carry.inbox):
            return False
        self.carry.inbox.append(message)
        return True

    def was_absorbed(self, name: str) -> bool:
        """Tell whether a message was taken in before: each sender's news come in the order of its versions."""
        sender, _, version = name.rpartition("#")
        if not sender:
            return name in self.carry.absorbed
        return self.carry.absorbed.get(sender, 0) >= int(version)

    def holds(self, names: Iterable[str]) -> bool:
        """Tell whether all named messages are here or were taken in before."""
        waiting = [message.id for message in self.carry.inbox]
        return all(name in waiting or self.was_absorbed(name) for name in names)

    def refuse_signal(self, name: str, code: str, payload_digest: str, now: datetime) -> None:
        """Note a signal that could not be accepted; after a hundred in a day they are only counted."""
        if self.state is None or self.carry.halted:
            return
        today = civil(now).isoformat()
        if self.carry.signal_day != today:
            self.carry.signal_day, self.carry.signals_refused = today, 0
        self.carry.signals_refused += 1
        if self.carry.signals_refused <= REFUSED_SIGNALS_A_DAY:
            event = SignalRefused(name=name, code=code, digest=payload_digest)
            self._record(event, now, now, SYSTEM, None, None, "signal")

    def halt(self, version: int, expected: str, found: str) -> None:
        """Stop for good after a conflict with the ledger: from here on only reads are answered."""
        self.carry.halted = Halt(version=version, expected=expected, found=found)

    # -- the ways out -----------------------------------------------------------------------------------------

    def job(self) -> Job | None:
        """Return the outside work that the state waits for and whose result is not here yet."""
        if self.state is None or self.carry.halted:
            return None
        job = self.decider.job(self.state)
        if job is None or any(waiting.id == job.message_id for waiting in self.carry.inbox):
            return None
        return job

    def finished(self) -> bool:
        """Tell whether nothing is left to do for ever."""
        return self.state is not None and self.decider.finished(self.state)

    def view(self) -> dict[str, Any]:
        """Return the stream's line of the board."""
        return {} if self.state is None else self.decider.view(self.state)

    def carry_over(self) -> Carry:
        """Return what the next run starts from; the queue must be in the ledger."""
        if self.queue:
            raise RuntimeError("the queue must be flushed before a run ends")
        state = None if self.state is None else self.state.model_dump(mode="json")
        return self.carry.model_copy(update={"state": state})

    # -- inside -----------------------------------------------------------------------------------------------

    def _parse(self, raw: dict[str, Any], *, strict: bool) -> Any:
        try:
            command = self.decider.commands.validate_python(raw)
        except ValidationError as error:
            places = [
                {"place": ".".join(str(part) for part in detail["loc"]), "problem": detail["type"]}
                for detail in error.errors(include_url=False, include_context=False, include_input=False)[:5]
            ]
            raise Refusal("COMMAND_INVALID", places=places) from None
        if strict:
            unknown = sorted(unknown_fields(raw, command))
            if unknown:
                places = [{"place": place, "problem": "unknown_field"} for place in unknown[:5]]
                raise Refusal("COMMAND_INVALID", places=places)
        return command

    def _known(self, command: Any) -> CommandRecord | None:
        known = self.carry.commands.get(command.command_id)
        if known is not None and known.digest != _own_digest(command):
            raise Refusal("COMMAND_ID_REUSED", command_id=command.command_id)
        return known

    def _refuse_if_halted(self) -> None:
        if self.carry.halted is not None:
            raise Refusal("HALTED", version=self.carry.halted.version)

    def _decide(self, command: Any, now: datetime) -> list[Event]:
        if self.state is None:
            raise Refusal("HALTED", version=0)
        occurred = command.occurred_at
        if occurred is not None:
            parameters = self.state.policy.parameters
            if occurred > now + timedelta(minutes=parameters.future_minutes):
                raise Refusal("OCCURRED_IN_FUTURE", minutes=parameters.future_minutes)
            if occurred < now - timedelta(days=parameters.backdate_days) and command.late_reason is None:
                raise Refusal("OCCURRED_TOO_LONG_AGO", days=parameters.backdate_days)
        return self.decider.decide(self.state, command, now)

    def _do_what_is_due(self, now: datetime) -> None:
        written = 0
        while written < EVENTS_PER_TICK:
            due = self.due()
            if due is None or due > now or self.state is None:
                return
            before = self.carry.version
            for event in self.decider.on_due(self.state, due):
                self._record(event, due, now, SYSTEM, None, None, "due")
            if self.carry.version == before:
                raise RuntimeError(f"{self.carry.stream}: nothing was done about what was due at {due}")
            written += self.carry.version - before

    def _absorb(self, name: str, now: datetime) -> None:
        if self.was_absorbed(name):
            return
        message = next((waiting for waiting in self.carry.inbox if waiting.id == name), None)
        if message is None:
            raise Refusal("INBOX_NOT_HERE", message=name)
        self.carry.inbox = [waiting for waiting in self.carry.inbox if waiting.id != name]
        sender, _, version = name.rpartition("#")
        self.carry.absorbed[sender or name] = int(version) if sender else 1
        if self.state is None:
            raise Refusal("INBOX_NOT_HERE", message=name)
        try:
            events = self.decider.absorb(self.state, message, now)
        except (UnknownEventError, ValidationError, KeyError, TypeError, ValueError):
            # Only somebody with a key to the engine can send this; it must not stop the stream.
            self.refuse_signal(message.kind[:LABEL_LENGTH], "MESSAGE_UNREADABLE", command_digest(message.data), now)
            return
        for event in events:
            self._record(event, now, now, SYSTEM, None, name if sender else None, name)

    def _record(
        self,
        event: Event,
        occurred_at: datetime,
        recorded_at: datetime,
        actor: Actor,
        command_id: str | None,
        causation: str | None,
        trigger: str,
        policy: PolicyProfile | None = None,
    ) -> None:
        if policy is None:
            if self.state is None:
                raise RuntimeError(f"{self.carry.stream} has not begun")
            policy = self.state.policy
        envelope = seal(
            event,
            stream=self.carry.stream,
            version=self.carry.version + 1,
            prev_hash=self.carry.hash,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            actor=actor,
            command_id=command_id,
            causation=causation,
            policy=self._policy_reference(policy),
        )
        self.state = apply(self.decider, self.state, event, envelope)
        self.carry.version, self.carry.hash = envelope["version"], envelope["hash"]
        self.queue.append(envelope)
        for outgoing in self.decider.outgoing(self.state, event, envelope):
            self.carry.outgoing.append(outgoing)
            if self.carry.clock == "stepped":  # its driver asks again after a crash
                label = Sent(to=outgoing.to, id=outgoing.message.id if outgoing.message else None)
                self.carry.sent.setdefault(trigger, []).append(label)

    def _policy_reference(self, policy: PolicyProfile) -> PolicyRef:
        """Return the reference of a profile; hashing its parameters once, not for every event."""
        if self._reference is None or policy is not self._policy:
            self._policy = policy
            self._reference = PolicyRef(id=policy.id, version=policy.version, parameter_hash=policy.parameter_hash)
        return self._reference

    def _answer(
        self, first: int, last: int, last_hash: str, triggers: Sequence[str], refused: dict[str, Any] | None = None
    ) -> Answer:
        job = None if self.state is None else self.decider.job(self.state)
        return Answer(
            accepted=refused is None,
            refused=refused,
            receipt=Receipt(stream=self.carry.stream, first_version=first, last_version=last, hash=last_hash),
            sent=tuple(label for trigger in triggers for label in self.carry.sent.get(trigger, ())),
            next_due=self.due(),
            job=job.message_id if job else None,
            closed=self.finished(),
        )


def related(sender: str, stream: str) -> bool:
    """Tell whether one stream is the other's parent: only they send each other news."""
    return sender.rpartition("/")[0] == stream or stream.rpartition("/")[0] == sender


def child(to: str, kind: str, start: dict[str, Any], envelope: Envelope) -> Outgoing:
    """Make the start of a child that an event leads to; the child's first events name it as their cause."""
    cause = event_id(envelope["stream"], envelope["version"])
    return Outgoing(to=to, child=kind, start=start, cause=cause, at=envelope["recorded_at"])


def news(to: str, kind: str, envelope: Envelope, **data: Any) -> Outgoing:
    """Make the message that an event sends to another stream; its id is the event's."""
    message = Message(
        id=event_id(envelope["stream"], envelope["version"]),
        kind=kind,
        data=data,
        at=envelope["recorded_at"],
        hash=envelope["hash"],
    )
    return Outgoing(to=to, message=message)
