"""What the outbox hands out and takes back: rows to route, rows to send, what became of them, and what providers say.

Times are RFC 3339 text of one offset and one precision (`domain.time.stamp`) in rows, and instants here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple

from domain.notices import NoticeState, key_of
from domain.time import stamp

LEASE_EXPIRED: Final = "LEASE_EXPIRED"
"""Whoever made the attempt is gone: nobody knows whether it went out."""
TRIES_EXHAUSTED: Final = "TRIES_EXHAUSTED"
"""Tried as often as there are pauses."""
PAUSED: Final = "PAUSED"
"""Held by a pause or a stop of the campaign or the school."""
KILLED: Final = "KILLED"
"""Held by a kill switch of its channel, its purpose or its school."""
MUTED: Final = "MUTED"
"""A person has stopped this one; in a submitted row: it is not tried again."""
NO_ADDRESS: Final = "NO_ADDRESS"
"""There is no way to this reader."""
PHONE_NOT_DONE: Final = "PHONE_NOT_DONE"
"""Nobody called in time: it goes on paper."""
CONTACT_TO_REPAIR: Final = "CONTACT_TO_REPAIR"
"""The address or number is not this reader's any more; the registry must be put right (FEATURES G13)."""
PRINTED_AGAIN: Final = "PRINTED_AGAIN"
"""The letter of this attempt was lost, and another one was printed."""
TAKEN_BACK: Final = "TAKEN_BACK"
"""The household's hour or seat was withdrawn before its invitation went out."""
NEVER_TOLD: Final = "NEVER_TOLD"
"""It would tell of a change to somebody whose invitation never went out."""
STATED: Final = "STATED"
"""A person says what became of an attempt of which nobody knew."""

RESEND: Final = "resend"
LOOK_UP: Final = "look_up"
ASK: Final = "ask"


@dataclass(frozen=True)
class Tries:
    """How long an attempt may take, and how often there is another.

    Attributes:
        lease: how long a claim may wait for its attempt, and after how long nobody knows what became of an attempt.
        pauses: before the second attempt, the third and so on; after the last of them the channel has failed.
    """

    lease: timedelta = timedelta(minutes=10)
    pauses: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
    )


class Unrouted(NamedTuple):
    """A notice whose readers and ways nobody has looked up yet.

    Attributes:
        person: whom it is for where that is known: then only the way is looked for, and nobody else's.
        optional: as its event planned it.
        generation: how often a person has had it sent again.
        wish: the channel that a person asked for then, empty for none.
    """

    notice_id: str
    campaign: str
    stream: str
    cause: str
    purpose: str
    recipient: str
    planned_at: str
    person: str | None
    optional: bool
    generation: int = 0
    wish: str = ""


class Copy(NamedTuple):
    """One more person of a household.

    Attributes:
        person: the person's reference.
        purpose: the notice's own, or the one for caregivers: a letter without a code.
        chain: the person's ways, the first of them first; empty where there is none.
        code: why there is none.
    """

    person: str
    purpose: str
    chain: tuple[str, ...]
    code: str | None = None


class Routing(NamedTuple):
    """Who reads one notice, and by which ways.

    Attributes:
        notice_id: the row's.
        person: whom the row itself is for, None where its recipient is nobody of a household.
        chain: the ways, the first of them first; empty, with a code, where there is none.
        contacts: keyed digests of all addresses of the household.
        not_after: from then on it would come too late, None where it never does.
        others: everybody else of the household who reads it.
        code: why there is no way, or what stands in the row beside its first one.
    """

    notice_id: str
    person: str | None
    chain: tuple[str, ...]
    contacts: tuple[str, ...]
    not_after: datetime | None
    others: tuple[Copy, ...] = ()
    code: str | None = None


class Claimed(NamedTuple):
    """A notice that is ours to send until the lease ends.

    Attributes:
        number: of the attempt, from 1; the claim's is what `begin` will count.
        lease_until: the claim's, and after `begin` the attempt's.
        template: what an earlier attempt sent, None before the first.
        person: whom of the household it goes to, None for staff and for a pupil's own.
        copy_of: the household's row that this one was made beside, None for a row that an event planned.
        channel: which way it goes.
        digest_of: the notice in whose message this one stands, None for a message of its own.
        generation: how often a person has had it sent again.
    """

    notice_id: str
    campaign: str
    stream: str
    cause: str
    purpose: str
    recipient: str
    planned_at: str
    number: int
    lease_until: datetime
    template: str | None = None
    person: str | None = None
    copy_of: str | None = None
    channel: str = ""
    digest_of: str | None = None
    generation: int = 0

    @property
    def key(self) -> str:
        """Return what providers know the message by: the same for every attempt until a person has it sent again."""
        return key_of(self.notice_id, self.generation)


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        number: which attempt of the notice.
        state: `accepted`, `delivered`, `read`, `failed_temporary`, `failed_permanent` or `unknown`.
        at: when it is known.
        code: why, never a provider's own words.
        provider_id: what the provider calls the message.
        template: purpose and version of what was sent.
        digest: keyed digest of what was sent; None where nothing was sent, or nobody knows what.
        segments: text messages that it was charged as.
        again_in: how long the provider wants to be left alone, where it says so.
        unsent: nothing was sent, for a reason that is not the message's: it does not count as a try.
    """

    notice_id: str
    number: int
    state: NoticeState
    at: datetime
    code: str | None = None
    provider_id: str | None = None
    template: str | None = None
    digest: str | None = None
    segments: int = 0
    again_in: timedelta | None = None
    unsent: bool = False

    @cached_property
    def since(self) -> str:
        """Return when it is known, as the tables have it."""
        return stamp(self.at)


class Wording(NamedTuple):
    """What a letter says, as the record keeps it.

    Attributes:
        template: purpose and version of what was printed.
        digest: keyed digest of it.
    """

    template: str
    digest: str


@dataclass(frozen=True)
class Receipt:
    """What a provider says of a message after it has taken it.

    Attributes:
        receipt_id: the provider's own, or made from what was asked: the same receipt again changes nothing.
        notice_id: our key (`domain.notices.key_of`), None where the provider names its own only.
        provider_id: the provider's name for the message.
        state: `delivered`, `read` or `failed_permanent`.
        code: why, in a word of ours.
        at: when it happened, by the provider.
    """

    receipt_id: str
    channel: str
    notice_id: str | None
    provider_id: str | None
    state: NoticeState
    code: str | None
    at: datetime


@dataclass(frozen=True)
class Left:
    """What is still to be sent; what waits for a person, for a switch or for the end of a pause is not counted.

    Attributes:
        count: planned, held until a known time, to be tried again, or in a dispatcher's hands.
        due: those of them that a claim would take, or whose lease has ended.
        next_at: when the first of the others is due.
    """

    count: int
    due: int
    next_at: datetime | None


@dataclass(frozen=True)
class Backlog:
    """One channel's row of the board of sending.

    Attributes:
        channel: which; empty for what is not routed yet.
        waiting: planned, or to be tried again.
        held: held by a rule, a pause or a switch.
        listed: on a person's list.
        in_flight: in a dispatcher's or a provider's hands.
        dead: failed for good.
        unknown: of which nobody knows whether they went out.
        oldest_due_at: since when the oldest has been due that could go, None where none is.
        segments: text messages that were charged so far.
    """

    channel: str
    waiting: int
    held: int
    listed: int
    in_flight: int
    dead: int
    unknown: int
    oldest_due_at: datetime | None
    segments: int


@dataclass(frozen=True)
class DayRecord:
    """What sending did on one civil day, as the chain of events is tied to it.

    Attributes:
        rows: of the journal.
        digest: lower-case hex root of the Merkle tree (RFC 6962) over the rows' canonical JSON lines in their order.
        states: state → how many rows.
    """

    day: date
    rows: int
    digest: str
    states: dict[str, int]
