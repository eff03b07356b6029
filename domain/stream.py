"""What a stream is: its commands, messages and answers, and the `Decider` that holds the rules of one kind.

`domain.machine` puts a decider to work. A stream's id is its workflow's id (design, section 3).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    field_serializer,
    field_validator,
    model_validator,
)

from domain.actors import Actor
from domain.compressing import compressed, expanded
from domain.events import (
    GENESIS,
    CommandRefused,
    Envelope,
    Event,
    PolicyAdopted,
    SignalRefused,
    event_id,
)
from domain.instants import Instant
from domain.policy import PolicyProfile
from domain.refusal import Blocker

COMMAND_ID = r"^[A-Za-z0-9][A-Za-z0-9._:/#@-]{0,127}$"
CODE = r"^[A-Z][A-Z0-9_]{1,63}$"
STUDENT = r"^stu_[a-z0-9]{6,32}$"
STAFF = r"^stf_[a-z0-9]{4,32}$"
NOTE = r"^nte_[a-z0-9]{6,32}$"
CLASS = r"^\d{4}-\d{2}$"
LABEL = r"^[a-z0-9][a-z0-9-]{0,39}$"

DIGEST_LENGTH = 16
LABEL_LENGTH = 40


class Command(BaseModel):
    """What somebody wants done; imperative. Every field is a code, a reference, a date or a count, never free text."""

    model_config = ConfigDict(frozen=True)

    command_id: str = Field(pattern=COMMAND_ID)
    actor: Actor
    occurred_at: Instant | None = None
    late_reason: str | None = Field(default=None, pattern=CODE)
    reason: str | None = Field(default=None, pattern=CODE)
    note: str | None = Field(default=None, pattern=NOTE)


class StreamState(BaseModel):
    """What every stream's state has. Subclasses add theirs; `evolve` owns the object and may change it in place."""

    policy: PolicyProfile

    @model_validator(mode="before")
    @classmethod
    def _expanded(cls, data: Any) -> Any:
        return expanded(data)


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
    """Work in the outside world that the state asks for; its result comes back as the message `job:{name}`.

    `of` tells several jobs of one kind in a stream's life apart: the message is then `job:{name}:{of}`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    arguments: dict[str, Any]
    of: str = ""

    @property
    def message_id(self) -> str:
        """Return the id under which the result arrives in the inbox."""
        return f"job:{self.name}:{self.of}" if self.of else f"job:{self.name}"


class Receipt(BaseModel):
    """Where a command stands in the record: its events are `first_version` to `last_version` of the stream."""

    model_config = ConfigDict(frozen=True)

    stream: str
    first_version: int
    last_version: int
    hash: str


class Answer(BaseModel):
    """What a submit or a tick answers at once; `command` is the digest of the command that was answered."""

    model_config = ConfigDict(frozen=True)

    accepted: bool = True
    refused: dict[str, Any] | None = None
    command: str | None = None
    receipt: Receipt
    sent: tuple[Sent, ...] = ()
    next_due: AwareDatetime | None = None
    job: str | None = None
    closed: bool = False


@dataclass(frozen=True)
class Acted:
    """An event that another person did than the command's actor, at a time of its own.

    The family gateway hands on what families did; in the record the act is the family's, never the gateway's (INV-04).
    """

    event: Event
    actor: Actor
    occurred_at: datetime


class CommandRecord(BaseModel):
    """What the stream remembers of a command for its whole life (the server forgets Update ids)."""

    first: int
    last: int
    hash: str
    digest: str
    refused: dict[str, Any] | None = None
    handed_on: bool = False


class Halt(BaseModel):
    """Why a stream refuses everything but reads: the ledger holds another event at this version."""

    version: int
    expected: str
    found: str


class Carry(BaseModel):
    """All of a machine that survives continue-as-new; also the workflow's input. In JSON what is long is compressed."""

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

    @field_serializer("state", "commands", mode="wrap", when_used="json")
    def _compressed(self, value: Any, handler: SerializerFunctionWrapHandler) -> Any:
        return None if value is None else compressed(handler(value))

    @field_validator("commands", mode="before")
    @classmethod
    def _expanded(cls, value: Any) -> Any:
        return expanded(value)


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
    def decide(self, state: S, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Return what a command leads to; changes nothing.

        Raises:
            Refusal: the rules do not allow it.
        """

    @abstractmethod
    def evolve(self, state: S | None, event: Event, envelope: Envelope) -> S:
        """Return the state after an event; the state given is owned and may be changed in place."""

    def adopted(self, state: S, envelope: Envelope) -> S:
        """Return the state after a new policy, which stands in it already; the state is owned, as with `evolve`."""
        del envelope
        return state

    def due(self, state: S) -> datetime | None:
        """Return the next instant at which the stream must act by itself, if any."""
        del state
        return None

    def on_due(self, state: S, instant: datetime) -> list[Event]:
        """Return what becomes due at an instant that `due` named."""
        raise NotImplementedError(f"{type(state).__name__}: no rule for what {self.kind} named as due at {instant}")

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
            return decider.adopted(state, envelope)
        case _:
            return decider.evolve(state, event, envelope)


def fold(decider: Decider[S], envelopes: Iterable[Envelope]) -> S | None:
    """Rebuild a stream's state from its events alone (A1: the log is the truth)."""
    state: S | None = None
    for envelope in envelopes:
        state = apply(decider, state, envelope_event(decider, envelope), envelope)
    return state


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
