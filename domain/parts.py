"""A topic of a stream's rules in a module of its own: the campaign and the school are each made of several.

A decider asks its parts in turn. A part knows its own commands, events and messages and keeps its own piece of the
state, so that each topic is read, tested and changed alone.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import Field, TypeAdapter

from domain.events import Envelope, Event
from domain.refusal import Blocker
from domain.stream import Command, Message, Outgoing, StreamState

S = TypeVar("S", bound=StreamState)

Clock = tuple[datetime, Event]
"""An instant, and the event that happens then by itself."""


class Part(Generic[S]):
    """One topic of a stream. Pure, like the decider that it belongs to.

    Attributes:
        commands, event_types: what can be commanded and what can happen; no other part has the same.
        messages: the kinds of news from other streams that it takes in.
        since: the release of campaigns that have the topic; an older campaign refuses its commands.
    """

    commands: ClassVar[tuple[type[Command], ...]] = ()
    event_types: ClassVar[tuple[type[Event], ...]] = ()
    messages: ClassVar[tuple[str, ...]] = ()
    since: ClassVar[int] = 3

    def decide(self, state: S, command: Any, now: datetime) -> Sequence[Event]:
        """Decide one of the part's commands; the actor's permission has been looked at.

        Raises:
            Refusal: the rules do not allow it.
        """
        raise NotImplementedError(f"{type(self).__name__}: {type(state).__name__} {command.kind} {now}")

    def evolve(self, state: S, event: Event, envelope: Envelope) -> None:
        """Apply one of the part's events, or a foreign one that concerns it, to the state in place."""

    def absorb(self, state: S, message: Message, now: datetime) -> list[Event]:
        """Return what one of the part's messages leads to."""
        raise NotImplementedError(f"{type(self).__name__}: {type(state).__name__} {message.kind} {now}")

    def outgoing(self, state: S, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Return what an event of the stream sends to others on this topic; the state is the one after it."""
        del state, event, envelope
        return []

    def clocks(self, state: S) -> Iterable[Clock]:
        """Yield what happens by itself on this topic, and when."""
        del state
        return ()

    def view(self, state: S) -> dict[str, Any]:
        """Return what the topic adds to the stream's line of the board; nothing while there is nothing to say."""
        del state
        return {}

    def blockers(self, state: S) -> tuple[Blocker, ...]:
        """Return what of this topic stands in the way of closing."""
        del state
        return ()


def adapter(commands: Iterable[type[Command]]) -> TypeAdapter[Any]:
    """Return what reads any of these commands by its tag `kind`."""
    union: Any = functools.reduce(operator.or_, commands)
    return TypeAdapter(Annotated[union, Field(discriminator="kind")])
