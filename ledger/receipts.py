"""What providers say afterwards, and what they answer when they are asked.

A receipt raises a notice from accepted over delivered to read, whatever came first; a bounce sends it on its next way.
Receipts are kept, so that they can come before the answer to the sending, twice, or in any order, and end the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, or_, select, update

from domain.notices import BY_PEOPLE, GONE_OUT, NoticeState, of_key
from domain.time import instant, stamp
from ledger import journal, lost
from ledger.among import in_list, in_named
from ledger.attempts import (
    CHANGE_ROW,
    ENDED,
    RECEIPT,
    claimed_of,
    close,
    group_of,
    next_channel,
    no_further,
    to_repair,
)
from ledger.handover import LOOK_UP, Claimed, Outcome, Receipt, Tries
from ledger.silences import silences_among
from ledger.tables import attempts, outbox, receipts

NEVER_ARRIVED: Final = "NEVER_ARRIVED"
"""The provider was asked and never had the message: it is sent again."""

POLL_EVERY: Final = timedelta(minutes=10)
POLL_FOR: Final = timedelta(days=3)
"""So long a provider is asked for the receipt of a message; then it stays accepted."""

RANKS: Final = {
    NoticeState.FAILED_PERMANENT: 0,
    NoticeState.ACCEPTED: 1,
    NoticeState.DELIVERED: 2,
    NoticeState.READ: 3,
}
"""Of two receipts of one message the higher one counts: what has arrived did not bounce."""
ARRIVED: Final = (NoticeState.DELIVERED, NoticeState.READ)
"""Whichever attempt it was."""

_CLOSE: Final = (
    update(attempts)
    .where(
        attempts.c.notice_id == bindparam("of_notice"),
        attempts.c.number == bindparam("of_number"),
        or_(attempts.c.outcome.is_(None), attempts.c.outcome == NoticeState.UNKNOWN),
    )
    .values(code=RECEIPT)
)
_EARLY: Final = select(receipts.c.receipt_id).where(
    in_named(receipts.c.provider_id, "names"), receipts.c.campaign.is_(None)
)
_ATTEMPT: Final = tuple(attempts.c[name] for name in ("notice_id", "channel", "number", "generation", "provider_id"))
_FIND: Final = (
    update(receipts)
    .where(receipts.c.receipt_id == bindparam("of_receipt"))
    .values(campaign=bindparam("of_campaign"), notice_id=bindparam("of_notice"), number=bindparam("of_number"))
)


def take(connection: Connection, insert_: Callable[[Any], Any], news: Sequence[Receipt], now: datetime) -> int:
    """Keep receipts and raise what they speak of.

    Args:
        connection: the transaction.
        insert_: the dialect's insert, which knows conflicts.
        news: what providers say.
        now: when it is taken.

    Returns:
        How many were new; those of messages that nobody knows yet wait for them.
    """
    given = {one.receipt_id: one for one in news}
    if not given:
        return 0
    kept = select(receipts.c.receipt_id).where(in_list(receipts.c.receipt_id, given))
    known = dict.fromkeys(connection.scalars(kept))
    fresh = [one for name, one in given.items() if name not in known]
    if fresh:
        rows = [{**_row(one), "taken_at": stamp(now), "reported": False} for one in fresh]
        connection.execute(insert_(receipts).on_conflict_do_nothing(), rows)
        find(connection, [one.receipt_id for one in fresh], now)
    return len(fresh)


def find_late(connection: Connection, outcomes: Iterable[Outcome]) -> None:
    """Apply receipts that came before the answer that says what the provider calls the message."""
    names = {outcome.provider_id: outcome for outcome in outcomes if outcome.provider_id is not None}
    if not names:
        return
    if found := list(connection.scalars(_EARLY, {"names": list(names)})):
        find(connection, found, max(outcome.at for outcome in names.values()))


def find(connection: Connection, names: Sequence[str], now: datetime) -> None:
    """Look up which attempts some receipts are about, write them into the journal, and apply them."""
    query = select(receipts).where(in_list(receipts.c.receipt_id, names))
    fresh = list(connection.execute(query.order_by(receipts.c.receipt_id)))
    keys = {one.receipt_id: of_key(one.notice_id) for one in fresh if one.notice_id is not None}
    by_key = [notice_id for notice_id, _ in keys.values()]
    by_name = [one.provider_id for one in fresh if one.notice_id is None and one.provider_id is not None]
    query = (
        select(outbox.c.campaign, *_ATTEMPT)
        .join(outbox, outbox.c.notice_id == attempts.c.notice_id)
        .where(or_(attempts.c.notice_id.in_(by_key), attempts.c.provider_id.in_(by_name)))
        .order_by(attempts.c.notice_id, attempts.c.number)
    )
    made = list(connection.execute(query))
    keyed = {(one.notice_id, one.generation, one.channel): one for one in made}  # the last attempt under its key
    named = {(one.provider_id, one.channel): one for one in made}
    found = []
    for one in fresh:
        attempt = named.get((one.provider_id, one.channel)) if one.notice_id is None else None
        if one.receipt_id in keys:
            attempt = keyed.get((*keys[one.receipt_id], one.channel))
        if attempt is not None:
            found.append((one, attempt))
    if not found:
        return
    connection.execute(
        _FIND,
        [
            {
                "of_receipt": one.receipt_id,
                "of_campaign": attempt.campaign,
                "of_notice": attempt.notice_id,
                "of_number": attempt.number,
            }
            for one, attempt in found
        ],
    )
    journal.write(
        connection,
        [
            journal.entry(
                attempt,
                attempt.number,
                one.state,
                stamp(now),
                one.code,
                channel=one.channel,
                provider_id=one.provider_id,
            )
            for one, attempt in found
        ],
    )
    _apply(connection, [(one, attempt) for one, attempt in found], now)
    failed = [(attempt, one.code) for one, attempt in found if one.state == NoticeState.FAILED_PERMANENT]
    lost.note_receipts(connection, failed, stamp(now))


def _apply(connection: Connection, found: Sequence[tuple[Any, Any]], now: datetime) -> None:
    """Give the notices of some receipts the state that all receipts of their messages lead to."""
    names = list(dict.fromkeys(attempt.notice_id for _, attempt in found))
    told: dict[tuple[str, str], list[Any]] = {}
    every = select(receipts).where(in_list(receipts.c.notice_id, names), receipts.c.campaign.is_not(None))
    for one in connection.execute(every.order_by(receipts.c.at, receipts.c.receipt_id)):
        told.setdefault((one.notice_id, one.channel), []).append(one)
    rows = group_of(connection, names)
    last = {row.notice_id: row.attempts for row in rows}
    silences = silences_among(connection, rows)
    changes: list[dict[str, Any]] = []
    closed: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for row in rows:
        key = row.digest_of if row.digest_of in names else row.notice_id
        for channel in dict.fromkeys(attempt.channel for _, attempt in found if attempt.notice_id == key):
            receipt = _best(told[key, channel], last[key])
            if receipt is None:
                continue
            values = (
                _raised(row, channel, receipt) if RANKS[receipt.state] else _bounced(row, receipt, channel, silences)
            )
            if values is not None:
                changes.append({**_as_it_is(row), **values, "of_notice": row.notice_id, "state_at": stamp(now)})
                if values["state"] in ENDED:
                    entries.append(journal.entry(row, row.attempts, values["state"], stamp(now), values["code"]))
                if row.state == NoticeState.SUBMITTED and receipt.number == last[key] and row.channel == channel:
                    closed.append({"of_notice": row.notice_id, "of_number": row.attempts, "outcome": receipt.state})
                break
    journal.write(connection, entries)
    if changes:
        connection.execute(CHANGE_ROW, changes)
    if closed:
        connection.execute(_CLOSE, [{**one, "ended_at": stamp(now)} for one in closed])


def _best(told: Sequence[Any], number: int) -> Any | None:
    """Return the receipt that decides: what has arrived did not bounce, and only the last attempt bounces.

    Args:
        told: all receipts of a message on one channel.
        number: of its last attempt on any.
    """
    counting = [one for one in told if one.number == number or one.state in ARRIVED]
    return max(counting, key=lambda one: RANKS[one.state], default=None)


def _as_it_is(row: Any) -> dict[str, Any]:
    names = ("state", "code", "channel", "chain", "tries", "next_at", "lease_until", "digest_of", "repair")
    return {name: getattr(row, name) for name in names}


def _raised(row: Any, channel: str, receipt: Any) -> dict[str, Any] | None:
    """Return what a row becomes whose message has arrived, None where that is known."""
    if row.state in GONE_OUT:
        higher = RANKS[receipt.state] > RANKS[row.state]
        return {"state": receipt.state, "code": receipt.code} if higher else None
    values: dict[str, Any] = {"state": receipt.state, "code": receipt.code, "next_at": None}
    if row.state == NoticeState.SUBMITTED and row.channel not in BY_PEOPLE:
        return values  # the lease stays: it marks that the provider's own answer is still to come
    values["lease_until"] = None
    if row.channel != channel:  # it had fallen to another way, which it does not need any more
        values |= {"channel": channel, "chain": " ".join(filter(None, (row.channel, row.chain)))}
    return values


def _bounced(row: Any, receipt: Any, channel: str, silences: Any) -> dict[str, Any] | None:
    """Return what a row becomes whose message did not arrive, None where it went on long ago."""
    open_ = row.state in (NoticeState.SUBMITTED, NoticeState.UNKNOWN, NoticeState.ACCEPTED)
    again = row.tries and row.state in (NoticeState.FAILED_TEMPORARY, *_BETWEEN_TRIES)
    if row.channel != channel or not (open_ or again):
        return None
    if not row.chain:
        failed = {"state": NoticeState.FAILED_PERMANENT, "code": receipt.code, "next_at": None, "lease_until": None}
        return {**failed, "repair": to_repair(row, receipt.code)}
    if (end := no_further(row, silences)) is not None:
        return {**end, "repair": to_repair(row, receipt.code)}
    return next_channel(row, receipt.code)


_BETWEEN_TRIES: Final = (NoticeState.PLANNED, NoticeState.HELD, NoticeState.CLEARED)


def _row(receipt: Receipt) -> dict[str, Any]:
    return {
        "receipt_id": receipt.receipt_id,
        "channel": receipt.channel,
        "campaign": None,
        "notice_id": receipt.notice_id,
        "provider_id": receipt.provider_id,
        "state": receipt.state,
        "code": receipt.code,
        "at": stamp(receipt.at),
    }


# -- telling the campaign ---------------------------------------------------------------------------------------


def unreported(connection: Connection, campaign: str, channel: str, limit: int) -> list[Receipt]:
    """Return receipts that the campaign's stream does not know, the oldest first."""
    query = (
        select(receipts)
        .where(receipts.c.campaign == campaign, receipts.c.channel == channel, receipts.c.reported.is_(False))
        .order_by(receipts.c.taken_at, receipts.c.receipt_id)
        .limit(limit)
    )
    return [
        Receipt(
            one.receipt_id,
            one.channel,
            one.notice_id,
            one.provider_id,
            NoticeState(one.state),
            one.code,
            instant(one.at),
        )
        for one in connection.execute(query)
    ]


def mark_reported(connection: Connection, names: Sequence[str]) -> None:
    """Note that the campaign's stream has some receipts."""
    connection.execute(update(receipts).where(in_list(receipts.c.receipt_id, names)).values(reported=True))


# -- asking -----------------------------------------------------------------------------------------------------


def unresolved(connection: Connection, campaign: str, channel: str, limit: int, now: datetime) -> list[Claimed]:
    """Return attempts of which nobody knows, that the provider is to be asked for now; a pause does not hold asking."""
    query = (
        select(outbox)
        .where(
            outbox.c.campaign == campaign,
            outbox.c.channel == channel,
            outbox.c.state == NoticeState.UNKNOWN,
            outbox.c.next_at <= stamp(now),
            or_(outbox.c.digest_of.is_(None), outbox.c.digest_of.not_in(select(_UNKNOWN.c.notice_id))),
        )
        .order_by(outbox.c.next_at, outbox.c.planned_at, outbox.c.notice_id)
        .limit(limit)
    )
    return [claimed_of(row, row.attempts, now) for row in connection.execute(query)]


_UNKNOWN: Final = select(outbox.c.notice_id).where(outbox.c.state == NoticeState.UNKNOWN).subquery()


def resolve(
    connection: Connection, outcomes: Mapping[str, Outcome | None], now: datetime, tries: Tries
) -> list[NoticeState | None]:
    """Close attempts of which nobody knew with what their provider says.

    Args:
        connection: the transaction.
        outcomes: notice → what became of it, None where the provider never had it: then it is due at once.
        now: the present.
        tries: how often there is another.

    Returns:
        For each the notice's state after it, None where it was known meanwhile.
    """
    rows = [row for row in group_of(connection, list(outcomes)) if row.state == NoticeState.UNKNOWN]
    closing: list[tuple[Outcome, Any]] = []
    for row in rows:
        said = outcomes[row.digest_of if row.digest_of in outcomes else row.notice_id]
        if said is None:
            never = NoticeState.FAILED_TEMPORARY
            said = Outcome(row.notice_id, row.attempts, never, now, NEVER_ARRIVED, again_in=timedelta(0))
        said = replace(said, notice_id=row.notice_id, number=row.attempts)
        closing.append((said, row))
    states = close(connection, closing, tries, LOOK_UP) if closing else []
    lost.note_outcomes(connection, [said for said, _ in closing])
    find_late(connection, [said for said, _ in closing])
    by_id = {row.notice_id: state for row, state in zip(rows, states, strict=True)}
    return [by_id.get(name) for name in outcomes]


def lose(connection: Connection, claimed: Sequence[Claimed], now: datetime) -> None:
    """Say that nobody knows any more of messages that a provider had taken, and says now that it never had.

    It is asked once more before they are sent again; their attempt is open again until then.

    Args:
        connection: the transaction.
        claimed: as `to_poll` gave them; what a receipt or another attempt has moved meanwhile is left.
        now: the present.
    """
    numbers = {one.notice_id: one.number for one in claimed}
    rows = group_of(connection, list(numbers))
    going = {row.notice_id for row in rows if numbers.get(row.notice_id) == row.attempts}
    rows = [row for row in rows if (row.digest_of or row.notice_id) in going and row.state == NoticeState.ACCEPTED]
    if not rows:
        return
    since = stamp(now)
    unknown = {"state": NoticeState.UNKNOWN, "state_at": since, "code": NEVER_ARRIVED, "next_at": since}
    connection.execute(CHANGE_ROW, [{"of_notice": row.notice_id, **unknown} for row in rows])
    connection.execute(_REOPEN, [{"of_notice": row.notice_id, "of_number": row.attempts} for row in rows])
    entries = [journal.entry(row, row.attempts, NoticeState.UNKNOWN, since, NEVER_ARRIVED) for row in rows]
    journal.write(connection, entries)


_REOPEN: Final = (
    update(attempts)
    .where(attempts.c.notice_id == bindparam("of_notice"), attempts.c.number == bindparam("of_number"))
    .values(outcome=NoticeState.UNKNOWN, code=NEVER_ARRIVED)
)


def to_poll(connection: Connection, campaign: str, channel: str, limit: int, now: datetime) -> list[Claimed]:
    """Return messages whose receipts are to be asked for now, and note that they were: the others come next time."""
    query = (
        select(outbox)
        .where(
            outbox.c.campaign == campaign,
            outbox.c.channel == channel,
            outbox.c.state == NoticeState.ACCEPTED,
            outbox.c.digest_of.is_(None),
            outbox.c.state_at >= stamp(now - POLL_FOR),
            func.coalesce(outbox.c.polled_at, "") <= stamp(now - POLL_EVERY),
        )
        .order_by(func.coalesce(outbox.c.polled_at, ""), outbox.c.notice_id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    if rows:
        names = [row.notice_id for row in rows]
        connection.execute(update(outbox).where(in_list(outbox.c.notice_id, names)).values(polled_at=stamp(now)))
    return [claimed_of(row, row.attempts, now) for row in rows]
