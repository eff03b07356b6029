"""Attempts: begun in the last moment, closed with what became of them, and what the row does then.

An attempt is written down before anybody is called. So after any crash the record names each notice that may have gone
out twice: its attempt is `unknown`, and it was marked so before the next one began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, case, exists, insert, or_, select, update

from domain.lost_contacts import LOST, rest_of
from domain.notices import BY_PEOPLE, GONE_OUT, WAITING, NoticeState
from domain.silences import Silence
from domain.time import stamp
from ledger import journal
from ledger.among import in_list, in_named
from ledger.handover import (
    ASK,
    CONTACT_TO_REPAIR,
    LEASE_EXPIRED,
    LOOK_UP,
    MUTED,
    PRINTED_AGAIN,
    RESEND,
    TRIES_EXHAUSTED,
    Claimed,
    Outcome,
    Tries,
    Wording,
)
from ledger.many import Many
from ledger.silences import Silences, ending, silences_among
from ledger.switches import Stop, stops_of
from ledger.tables import attempts, outbox, whole_rows

_OWN: Final = attrgetter("notice_id", "campaign", "stream", "cause", "purpose", "recipient", "planned_at")
_SO_FAR: Final = attrgetter("template", "person", "copy_of", "channel", "digest_of", "generation")
"""What a dispatcher gets of a row, in the order of `Claimed`."""

SENT: Final = ("provider_id", "template", "digest")
"""What a row keeps of the message that was sent last."""

RECEIPT: Final = "RECEIPT"
"""In an attempt that a receipt has closed before the provider's own answer was written down."""

WRONG_ADDRESS: Final = (
    *("ADDRESS_INVALID", "NUMBER_RECYCLED", "WRONG_NUMBER", "UNDELIVERABLE"),
    *("SMTP_550", "SMTP_551", "SMTP_553"),
)
"""After these the registry must be put right; the row says so from then on (FEATURES G13)."""

CHANGE_ROW: Final = update(outbox).where(outbox.c.notice_id == bindparam("of_notice"))
SETTLE_ROW: Final = Many(
    CHANGE_ROW,
    *("state", "state_at", "lease_until", "next_at", "code", "channel", "chain", "tries", "digest_of", "segments"),
    *("repair", *SENT),
    of=("of_notice",),
)
_OPEN: Final = or_(attempts.c.outcome.is_(None), attempts.c.outcome == NoticeState.UNKNOWN, attempts.c.code == RECEIPT)
"""Attempts whose outcome can still become known."""

_END: Final = Many(
    update(attempts).where(
        attempts.c.notice_id == bindparam("of_notice"), attempts.c.number == bindparam("of_number"), _OPEN
    ),
    *("ended_at", "outcome", "code", "provider_id", "template", "digest", "segments"),
    of=("of_notice", "of_number"),
)
_ADD: Final = Many(insert(attempts), "notice_id", "number", "started_at", "channel", "generation", "template", "digest")
_LOSE: Final = Many(
    update(attempts)
    .where(attempts.c.notice_id == bindparam("of_notice"), attempts.c.number == bindparam("of_number"))
    .values(ended_at=bindparam("ended"), outcome=NoticeState.FAILED_TEMPORARY.value, code=PRINTED_AGAIN),
    of=("of_notice", "of_number"),
)
_GROUP: Final = select(outbox).where(
    or_(
        in_named(outbox.c.notice_id, "names"),
        in_named(outbox.c.digest_of, "names"),
    )
)
"""Rows and those that stand in their messages."""

_FREE: Final = update(outbox).where(in_named(outbox.c.notice_id, "names"), outbox.c.state == NoticeState.CLEARED)
DOUBTED: Final = and_(
    outbox.c.tries > 0,
    exists()
    .where(
        attempts.c.notice_id == outbox.c.notice_id,
        attempts.c.number == outbox.c.attempts,
        attempts.c.outcome == NoticeState.UNKNOWN,
    )
    .correlate(outbox),
)
"""Cleared rows of whose last attempt nobody knows: what keeps them from going does not make them known."""

FREED: Final = {
    "state": case((DOUBTED, NoticeState.UNKNOWN), else_=NoticeState.PLANNED),
    "lease_until": None,
    "next_at": case((DOUBTED, outbox.c.state_at), else_=None),
    "digest_of": case((outbox.c.tries > 0, outbox.c.digest_of), else_=None),
}
"""What a cleared row becomes that nobody has begun: due at once; a message that was tried before stays whole."""

_BEGIN: Final = Many(
    CHANGE_ROW.values(
        state=NoticeState.SUBMITTED.value,
        state_at=bindparam("since"),
        lease_until=bindparam("until"),
        next_at=None,
        attempts=outbox.c.attempts + 1,
        tries=outbox.c.tries + 1,
    ),
    of=("of_notice",),
)


def claimed_of(row: Any, number: int, lease_until: datetime) -> Claimed:
    """Return a row as a dispatcher gets it."""
    notice_id, campaign, stream, cause, purpose, recipient, planned_at = _OWN(row)
    return Claimed(
        notice_id, campaign, stream, cause, purpose, recipient, planned_at, number, lease_until, *_SO_FAR(row)
    )


def group_of(connection: Connection, names: Sequence[str]) -> list[Any]:
    """Return rows, and those that stand in their messages, in the order of their ids."""
    return sorted(whole_rows(connection.execute(_GROUP, {"names": list(names)})), key=attrgetter("notice_id"))


# -- the begin --------------------------------------------------------------------------------------------------


def begin(connection: Connection, claimed: Sequence[Claimed], now: datetime, tries: Tries) -> list[Claimed]:
    """Begin the attempts of those that may go at this moment; the rest goes back.

    Silences, pauses, switches and wishes are looked at again. A message that holds several notices goes whole or not
    at all: where one of them is stopped, the others wait for the next claim.

    Args:
        connection: the transaction.
        claimed: as the claim gave them; whoever else has claimed them meanwhile keeps them.
        now: the present.
        tries: the lease of an attempt.

    Returns:
        Those that are begun, each with its attempt's number and lease; notices of one message follow their first.
    """
    since, until = stamp(now), now + tries.lease
    leases = {one.notice_id: stamp(one.lease_until) for one in claimed if one.lease_until > now}
    ours = [
        row
        for row in group_of(connection, list(leases))
        if row.state == NoticeState.CLEARED
        and row.lease_until == leases.get(row.digest_of or row.notice_id, leases.get(row.notice_id))
    ]
    stopped = _stopped(connection, ours, since)
    here = dict.fromkeys(row.notice_id for row in ours)
    broken = {
        row.digest_of or row.notice_id: None
        for row in ours
        if row.notice_id in stopped or (row.digest_of or row.notice_id) not in here
    }
    going = [row for row in ours if (row.digest_of or row.notice_id) not in broken]
    back = [row for row in ours if (row.digest_of or row.notice_id) in broken]
    if back:
        _send_back(connection, back, stopped, since)
    if not going:
        return []
    _write_down(connection, going, since, stamp(until))
    order = {one.notice_id: place for place, one in enumerate(claimed)}
    going.sort(key=lambda row: (order.get(row.digest_of or row.notice_id, 0), row.digest_of is not None, row.notice_id))
    return [claimed_of(row, row.attempts + 1, until) for row in going]


def begin_by_people(
    connection: Connection, rows: Sequence[Any], since: str, wordings: Mapping[str, Wording]
) -> list[str]:
    """Begin the attempts of letters that may go at this moment, and return their ids.

    Those that were printed before and are lost are printed once more: a new attempt after the one that came to nothing.

    Args:
        connection: the transaction.
        rows: on a person's list, or printed.
        since: the present.
        wordings: notice → what its letter says.
    """
    stopped = _stopped(connection, rows, since)
    listed = [row for row in rows if row.state == NoticeState.CLEARED]
    _send_back(connection, [row for row in listed if row.notice_id in stopped], stopped, since)
    going = [row for row in rows if row.notice_id not in stopped]
    lost = [row for row in going if row.state == NoticeState.SUBMITTED]
    _LOSE.run(connection, [{"of_notice": row.notice_id, "of_number": row.attempts, "ended": since} for row in lost])
    failed = NoticeState.FAILED_TEMPORARY
    journal.write(connection, [journal.entry(row, row.attempts, failed, since, PRINTED_AGAIN) for row in lost])
    _write_down(connection, going, since, None, wordings)
    return [row.notice_id for row in going]


def _write_down(
    connection: Connection,
    going: Sequence[Any],
    since: str,
    until: str | None,
    wordings: Mapping[str, Wording] = MappingProxyType({}),
) -> None:
    """Begin attempts: before anybody is called the record has them."""
    _BEGIN.run(connection, [{"of_notice": row.notice_id, "since": since, "until": until} for row in going])
    _ADD.run(
        connection,
        [
            {
                "notice_id": row.notice_id,
                "number": row.attempts + 1,
                "started_at": since,
                "channel": row.channel,
                "generation": row.generation,
                **_worded(wordings.get(row.notice_id)),
            }
            for row in going
        ],
    )
    said = [{"of_notice": name, **_worded(wordings[name])} for row in going if (name := row.notice_id) in wordings]
    if said:
        connection.execute(CHANGE_ROW, said)
    begun = [(row, wordings.get(row.notice_id)) for row in going]
    journal.write(
        connection,
        [
            journal.entry(row, row.attempts + 1, NoticeState.SUBMITTED, since, digest=_worded(wording)["digest"])
            for row, wording in begun
        ],
    )


def _worded(wording: Wording | None) -> dict[str, str | None]:
    return {"template": None, "digest": None} if wording is None else wording._asdict()


def _stopped(connection: Connection, rows: Sequence[Any], now: str) -> dict[str, Stop]:
    """Return notice → what stops it."""
    found: dict[str, Stop] = {}
    for campaign in dict.fromkeys(row.campaign for row in rows):
        own = [row for row in rows if row.campaign == campaign]
        stops = stops_of(connection, campaign, own)
        found.update({row.notice_id: stop for row in own if (stop := stops.stop(row, now)) is not None})
    return found


def _send_back(connection: Connection, rows: Sequence[Any], stopped: Mapping[str, Stop], since: str) -> None:
    """Take rows out of their dispatcher's hands: stopped, or waiting for the next claim."""
    if not rows:
        return
    waits = Stop(NoticeState.PLANNED, None)
    doubted = _doubted(connection, rows, stopped)
    unknown = [row for row in rows if row.notice_id in doubted]
    leaders = {row.digest_of: None for row in unknown}
    changes = [(row, stopped.get(row.notice_id, waits)) for row in rows if row.notice_id not in doubted]
    connection.execute(
        CHANGE_ROW,
        [
            {"of_notice": row.notice_id, "state": stop.state, "state_at": since, "code": stop.code, **AT_REST}
            for row, stop in changes
        ]
        + [
            _still_unknown(row, stopped.get(row.notice_id, waits), since, alone=row.notice_id not in leaders)
            for row in unknown
        ],
    )
    told = (NoticeState.HELD, NoticeState.DENIED, NoticeState.EXPIRED)
    journal.write(
        connection,
        [journal.entry(row, row.attempts, stop.state, since, stop.code) for row, stop in changes if stop.state in told],
    )


def _doubted(connection: Connection, rows: Sequence[Any], stopped: Mapping[str, Stop]) -> dict[str, None]:
    """Return of which cleared rows nobody knows whether their last attempt went out; what a silence ends is over."""
    silent = {name: None for name, stop in stopped.items() if stop.code in tuple(Silence)}
    tried = [row.notice_id for row in rows if row.tries and row.notice_id not in silent]
    if not tried:
        return {}
    found = select(outbox.c.notice_id).where(in_list(outbox.c.notice_id, tried), DOUBTED)
    return dict.fromkeys(connection.scalars(found))


def _still_unknown(row: Any, stop: Stop, since: str, *, alone: bool) -> dict[str, Any]:
    """Return what such a row becomes: looked at again when it may go as it was, else left to a person.

    It never may where its reader or the hour forbids it; and a message that holds several notices cannot go without
    the one that is stopped, for its provider would not know it.
    """
    again = alone and row.digest_of is None and stop.state in (NoticeState.PLANNED, NoticeState.HELD)
    return {
        "of_notice": row.notice_id,
        "state": NoticeState.UNKNOWN,
        "state_at": since,
        "code": row.code,
        "next_at": since if again else None,
        "lease_until": None,
        "digest_of": row.digest_of,
    }


def release(connection: Connection, claimed: Sequence[Claimed], now: datetime, *, alone: bool = False) -> None:
    """Give back what was claimed and not begun: it is due at once, and `alone` out of the message in which it stood."""
    ours = {one.notice_id: stamp(one.lease_until) for one in claimed}
    rows = [row for row in group_of(connection, list(ours)) if row.state == NoticeState.CLEARED]
    names = [row.notice_id for row in rows if row.lease_until in ours.values()]
    if names:
        freed = {**FREED, "digest_of": None} if alone else FREED
        connection.execute(_FREE.values(**freed, state_at=stamp(now)), {"names": names})


# -- the end ----------------------------------------------------------------------------------------------------


def settle(connection: Connection, outcomes: Sequence[Outcome], tries: Tries, unknown: str) -> list[NoticeState | None]:
    """Close attempts with what became of them; what stands in a message shares its outcome.

    News that come after the lease has ended correct an `unknown`, unless the next attempt has begun: then they stand
    with their own attempt only. What a receipt has raised already is not lowered.

    Args:
        connection: the transaction.
        outcomes: one for each attempt.
        tries: lease and pauses.
        unknown: how the channel settles attempts of which nobody knows.

    Returns:
        For each, the notice's state after it; None where this attempt no longer decides it.
    """
    rows = group_of(connection, [outcome.notice_id for outcome in outcomes])
    by_id = {row.notice_id: row for row in rows}
    given = {outcome.notice_id: outcome for outcome in outcomes}
    members = [
        (replace(given[row.digest_of], notice_id=row.notice_id, number=row.attempts, segments=0), row)
        for row in rows
        if row.digest_of in given and row.notice_id not in given and row.state in IN_HANDS
    ]
    closing = [(outcome, by_id.get(outcome.notice_id)) for outcome in outcomes]
    return close(connection, [*closing, *members], tries, unknown)[: len(closing)]


IN_HANDS: Final = (NoticeState.SUBMITTED, NoticeState.UNKNOWN)


def close(
    connection: Connection, closing: Sequence[tuple[Outcome, Any]], tries: Tries, unknown: str = RESEND
) -> list[NoticeState | None]:
    """End attempts, and give each row its next state; a row of another attempt is left as it is."""
    entries = _late(connection, [(one, row) for one, row in closing if row is not None and not _decides(one, row)])
    _END.run(connection, [_ended(outcome) for outcome, _ in closing])
    waits = [row for outcome, row in closing if row is not None and outcome.state not in GONE_OUT]
    silences = silences_among(connection, waits)
    after: list[dict[str, Any] | None] = []
    for outcome, row in closing:
        if row is None or not _decides(outcome, row):
            after.append(None)
            continue
        entries.append(_told(outcome, row))
        after.append(_after(row, outcome, silences, tries, unknown))
    changes = [(row, values) for (_, row), values in zip(closing, after, strict=True) if values is not None]
    ended = {row.notice_id: None for row, values in changes if values["state"] in ENDED}
    for row, values in changes:
        if values["digest_of"] in ended:  # its message is not tried again: it goes by itself
            values["digest_of"] = None
        if row.notice_id in ended:
            entries.append(journal.entry(row, row.attempts, values["state"], values["state_at"], values["code"]))
    journal.write(connection, entries)
    SETTLE_ROW.run(connection, [values for _, values in changes])
    return [None if values is None else NoticeState(values["state"]) for values in after]


ENDED: Final = (NoticeState.DENIED, NoticeState.MUTED)
"""What a row becomes that may not go on after an attempt."""


def _decides(outcome: Outcome, row: Any) -> bool:
    """Tell whether an attempt is the row's last one and still open; a receipt leaves the lease as a mark of that."""
    open_ = row.state in IN_HANDS or (row.state in GONE_OUT and row.lease_until is not None)
    return bool(open_ and row.attempts == outcome.number)


def _after(row: Any, outcome: Outcome, silences: Silences, tries: Tries, unknown: str) -> dict[str, Any]:
    """Return what a submitted row becomes: final, to be tried again, on its next channel, or no longer wanted."""
    known = row if outcome.digest is None else outcome  # nothing was sent, or nobody knows what: the one before stays
    values: dict[str, Any] = {
        "of_notice": row.notice_id,
        "state": outcome.state,
        "state_at": outcome.since,
        "lease_until": None,
        "next_at": None,
        "code": outcome.code,
        "channel": row.channel,
        "chain": row.chain,
        **_counted(row, unsent=outcome.unsent),
        "segments": row.segments + outcome.segments,
        "repair": to_repair(row, outcome.code),
        **{name: getattr(known, name) for name in SENT},
    }
    if outcome.provider_id is not None:
        values["provider_id"] = outcome.provider_id
    if row.state in GONE_OUT:  # a receipt came first
        higher = max(row.state, outcome.state, key=lambda state: GONE_OUT.index(state) if state in GONE_OUT else -1)
        return {**values, "state": higher, "state_at": row.state_at, "code": row.code}
    if outcome.state in WAITING:
        last = row.tries > len(tries.pauses) and not outcome.unsent
        if last and not (outcome.state == NoticeState.UNKNOWN and unknown in (LOOK_UP, ASK)):
            values |= {"state": NoticeState.FAILED_PERMANENT, "code": TRIES_EXHAUSTED}
        elif outcome.state != NoticeState.UNKNOWN or unknown != ASK:
            pause = tries.pauses[min(row.tries, len(tries.pauses)) - 1]
            values["next_at"] = stamp(outcome.at + (pause if outcome.again_in is None else outcome.again_in))
    if values["state"] in (*WAITING, NoticeState.FAILED_PERMANENT):
        _go_on(values, row, silences)
    return values


def _counted(row: Any, *, unsent: bool) -> dict[str, Any]:
    """Return a row's tries and its message after a try; where none is left that counts, it goes as if it were new."""
    if not unsent:
        return {"tries": row.tries, "digest_of": row.digest_of}
    return {"tries": row.tries - 1, "digest_of": row.digest_of if row.tries > 1 else None}


def give_back(connection: Connection, names: Sequence[str]) -> None:
    """Do not count the last try of messages that wait for another one: it was their provider that failed."""
    rows = [row for row in group_of(connection, names) if row.state == NoticeState.FAILED_TEMPORARY and row.tries]
    if rows:
        connection.execute(CHANGE_ROW, [{"of_notice": row.notice_id, **_counted(row, unsent=True)} for row in rows])


def _go_on(values: dict[str, Any], row: Any, silences: Silences) -> None:
    """Say of a row that did not go out whether, and how, it goes on."""
    final = values["state"] == NoticeState.FAILED_PERMANENT and not row.chain
    if final:
        return
    if (end := no_further(row, silences)) is not None:
        values |= end
    elif values["state"] == NoticeState.FAILED_PERMANENT:
        values |= next_channel(row, values["code"])


def no_further(row: Any, silences: Silences) -> dict[str, Any] | None:
    """Return what a row becomes that failed and must not go on, None where it may: a person or a silence stops it."""
    if row.muted:
        return {"state": NoticeState.MUTED, "code": MUTED, **AT_REST}
    if (silence := ending(row, silences)) is not None:
        return {"state": NoticeState.DENIED, "code": silence, **AT_REST}
    return None


AT_REST: Final = {"next_at": None, "lease_until": None, "digest_of": None}


def to_repair(row: Any, code: str | None) -> bool:
    """Tell whether an address of a row's reader is to be repaired, after a failure or before it."""
    return bool(row.repair or code in WRONG_ADDRESS)


def next_channel(row: Any, code: str | None) -> dict[str, Any]:
    """Return what a row becomes that failed on one channel and has others left.

    A number that is a stranger's is no way by text message and none by call: where that leaves nothing, it has failed.
    """
    channel, _, rest = rest_of(row.chain, row.channel, code).partition(" ")
    shown = CONTACT_TO_REPAIR if code in WRONG_ADDRESS and code not in LOST else code
    return {
        "state": NoticeState.PLANNED if channel else NoticeState.FAILED_PERMANENT,
        "channel": channel or row.channel,
        "chain": rest,
        "tries": 0 if channel else row.tries,
        "code": shown,
        "repair": to_repair(row, code),
        **AT_REST,
    }


def _told(outcome: Outcome, row: Any) -> dict[str, Any]:
    return journal.entry(
        row,
        outcome.number,
        outcome.state,
        outcome.since,
        outcome.code,
        provider_id=outcome.provider_id,
        digest=outcome.digest,
    )


def _late(connection: Connection, late: Sequence[tuple[Outcome, Any]]) -> list[dict[str, Any]]:
    """Return the journal's rows of news about open attempts that do not decide their notices any more."""
    if not late:
        return []
    names = {outcome.notice_id: None for outcome, _ in late}
    query = select(attempts).where(in_list(attempts.c.notice_id, names), _OPEN)
    open_ = {(one.notice_id, one.number): one.channel for one in connection.execute(query)}
    return [
        {**_told(outcome, row), "channel": open_[outcome.notice_id, outcome.number]}
        for outcome, row in late
        if (outcome.notice_id, outcome.number) in open_
    ]


def _ended(outcome: Outcome) -> dict[str, Any]:
    return {
        "of_notice": outcome.notice_id,
        "of_number": outcome.number,
        "ended_at": outcome.since,
        "outcome": outcome.state,
        "code": outcome.code,
        "provider_id": outcome.provider_id,
        "template": outcome.template,
        "digest": outcome.digest,
        "segments": outcome.segments,
    }


def expire(connection: Connection, campaign: str, channel: str, now: datetime, tries: Tries, unknown: str) -> None:
    """End what nobody comes back to: what was not begun waits again, and what was begun is `unknown`."""
    if channel in BY_PEOPLE:
        return  # people have no lease
    over = select(outbox).where(
        outbox.c.campaign == campaign,
        outbox.c.channel == channel,
        outbox.c.state.in_((NoticeState.CLEARED, NoticeState.SUBMITTED)),
        outbox.c.lease_until <= stamp(now),
    )
    rows = connection.execute(over).all()
    if lost := [row for row in rows if row.state == NoticeState.SUBMITTED]:
        gone = [(Outcome(row.notice_id, row.attempts, NoticeState.UNKNOWN, now, LEASE_EXPIRED), row) for row in lost]
        close(connection, gone, tries, unknown)
    if idle := [row.notice_id for row in rows if row.state == NoticeState.CLEARED]:
        connection.execute(_FREE.values(**FREED, state_at=stamp(now)), {"names": idle})
