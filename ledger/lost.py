"""Contacts that find nobody of ours any more: kept beside the outbox from the failure on, until they are repaired.

Whoever writes them down takes the person's other notices off that way in the same transaction; what was routed before
and is due later is put on its next way by the claim. They hold in every campaign: a stranger is one in each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from domain.lost_contacts import CHANNELS_OF, LOST, lost_by
from domain.notices import PUPIL, NoticeState
from domain.time import stamp
from ledger import journal
from ledger.among import in_named
from ledger.attempts import CHANGE_ROW, next_channel
from ledger.handover import Outcome
from ledger.tables import attempts, lost_contacts, outbox


class Failure(NamedTuple):
    """What became of a message.

    Attributes:
        row: of the outbox.
        channel: which way it had gone.
        code: why it did not arrive, None where it did.
    """

    row: Any
    channel: str
    code: str | None


_OF_PERSONS: Final = (
    select(lost_contacts.c.person, lost_contacts.c.channel, lost_contacts.c.code)
    .where(in_named(lost_contacts.c.person, "persons"))
    .order_by(lost_contacts.c.at, lost_contacts.c.campaign)
)
_ON_THE_WAY_OUT: Final = select(outbox).where(
    in_named(outbox.c.recipient, "recipients"), outbox.c.state == NoticeState.CLEARED
)


def reader_of(row: Any) -> str | None:
    """Return the one person whom a row goes to; None for staff, and where that was not looked up."""
    if row.person is not None:
        return str(row.person)
    return str(row.recipient).removeprefix(PUPIL) if str(row.recipient).startswith(PUPIL) else None


def among(connection: Connection, persons: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return person → channel that does not find this person any more → why."""
    asked = list(dict.fromkeys(persons))
    found: dict[str, dict[str, str]] = {}
    if asked:
        for person, channel, code in connection.execute(_OF_PERSONS, {"persons": asked}):
            found.setdefault(person, {})[channel] = code
    return found


def note(connection: Connection, failures: Sequence[Failure], at: str) -> None:
    """Write down which contacts some failures have shown to be lost, and take their persons' notices off those ways.

    Args:
        connection: the transaction of those failures.
        failures: of messages of any kind; most lose nothing.
        at: when it is written.
    """
    told = {
        (one.row.campaign, reader, channel): one
        for one in failures
        if (reader := reader_of(one.row)) is not None
        for channel in lost_by(one.channel, one.code)
    }
    known = among(connection, [person for _, person, _ in told])
    fresh = {key: one for key, one in told.items() if key[2] not in known.get(key[1], ())}
    if not fresh:
        return
    connection.execute(
        insert(lost_contacts),
        [
            {
                "campaign": campaign,
                "person": person,
                "channel": channel,
                "notice_id": one.row.notice_id,
                "code": one.code,
                "at": at,
            }
            for (campaign, person, channel), one in fresh.items()
        ],
    )
    pupils = {one.row.recipient.removeprefix(PUPIL): None for one in fresh.values()}
    recipients = [recipient for pupil in pupils for recipient in (pupil, f"{PUPIL}{pupil}")]
    pass_on(connection, connection.execute(_ON_THE_WAY_OUT, {"recipients": recipients}).all(), at)


def note_outcomes(connection: Connection, outcomes: Iterable[Outcome]) -> None:
    """Write down what the outcomes of some attempts have shown, whether or not they still decide their notices."""
    wrong = {(one.notice_id, one.number): one for one in outcomes if one.code in LOST}
    if not wrong:
        return
    made = attempts.c.notice_id.in_([notice_id for notice_id, _ in wrong])
    query = select(outbox, attempts.c.number, attempts.c.channel.label("way"))
    found = connection.execute(query.join(attempts, attempts.c.notice_id == outbox.c.notice_id).where(made)).all()
    failures = [(row, wrong[row.notice_id, row.number]) for row in found if (row.notice_id, row.number) in wrong]
    if failures:
        latest = max(outcome.at for _, outcome in failures)
        note(connection, [Failure(row, row.way, outcome.code) for row, outcome in failures], stamp(latest))


def note_receipts(connection: Connection, told: Sequence[tuple[Any, str | None]], at: str) -> None:
    """Write down what receipts have shown; one of before a person's retry is about the contact of that time.

    Args:
        connection: the transaction.
        told: attempt (`notice_id`, `channel`, `generation`) and the receipt's code.
        at: when it is written.
    """
    wrong = [(attempt, code) for attempt, code in told if code in LOST]
    if wrong:
        query = select(outbox).where(outbox.c.notice_id.in_([attempt.notice_id for attempt, _ in wrong]))
        rows = {row.notice_id: row for row in connection.execute(query)}
        failures = [(rows[attempt.notice_id], attempt, code) for attempt, code in wrong]
        news = [Failure(row, one.channel, code) for row, one, code in failures if row.generation == one.generation]
        note(connection, news, at)


def pass_on(connection: Connection, rows: Sequence[Any], at: str) -> dict[str, None]:
    """Put on their next ways those of some rows whose own does not find the reader any more; return which.

    What has no other way left has failed: a person looks at it.

    Args:
        connection: the transaction.
        rows: that nobody has begun to send.
        at: when it is written.
    """
    readers = {row.notice_id: reader for row in rows if (reader := reader_of(row)) is not None}
    lost = among(connection, readers.values())
    if not lost:
        return {}
    gone = [(row, code) for row in rows if (code := lost.get(readers.get(row.notice_id, ""), {}).get(row.channel))]
    changes = [{"of_notice": row.notice_id, "state_at": at, **next_channel(row, code)} for row, code in gone]
    if changes:
        connection.execute(CHANGE_ROW, changes)
        failed = NoticeState.FAILED_PERMANENT
        journal.write(connection, [journal.entry(row, row.attempts, failed, at, code) for row, code in gone])
    return {row.notice_id: None for row, _ in gone}


def repaired(connection: Connection, person: str, contact: str) -> None:
    """Forget that a contact was lost: the registry holds another one, or none.

    Args:
        connection: the transaction.
        person: whose.
        contact: as the registry calls it: `phone`, `email` or `wecom`.
    """
    channels = CHANNELS_OF[contact]
    connection.execute(
        delete(lost_contacts).where(lost_contacts.c.person == person, lost_contacts.c.channel.in_(channels))
    )
