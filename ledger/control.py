"""What people decide about sending: kill switches, single notices, tasks done by hand, and who wants no optional ones.

The events of a campaign's stream change the outbox in their own transaction, so that nothing goes out after them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, or_, select, update

from domain.events import Envelope, event_id
from domain.notices import BY_PEOPLE, PAPER, PHONE, UNROUTED, NoticeState
from ledger import journal
from ledger.attempts import CHANGE_ROW, FREED, next_channel
from ledger.handover import MUTED, STATED
from ledger.silences import denied, ending, silences_among
from ledger.tables import attempts, opt_outs, outbox, switches

CAMPAIGN_PARTS: Final = 3
"""campaign/county/year: a campaign's own stream."""

TAKEN: Final = (
    "NoticesKilled",
    "NoticesReleased",
    "NoticeMuted",
    "NoticeRetried",
    "NoticeOutcomeStated",
    "NoticeTaskRecorded",
    "OptionalNoticesDeclined",
    "OptionalNoticesAllowed",
)

TASK_OUTCOMES: Final = {
    (PHONE, "REACHED"): NoticeState.DELIVERED,
    (PHONE, "NO_ANSWER"): NoticeState.FAILED_PERMANENT,
    (PHONE, "WRONG_NUMBER"): NoticeState.FAILED_PERMANENT,
    (PAPER, "HANDED_OVER"): NoticeState.DELIVERED,
    (PAPER, "SIGNED"): NoticeState.READ,
    (PAPER, "RETURNED"): NoticeState.FAILED_PERMANENT,
}
"""Channel and outcome of a task → the notice's state; a failure sends it on to its next channel."""

_OPEN_TASK: Final = (NoticeState.CLEARED, NoticeState.SUBMITTED, NoticeState.DELIVERED)
_MUTABLE: Final = (
    NoticeState.PLANNED,
    NoticeState.HELD,
    NoticeState.CLEARED,
    NoticeState.FAILED_TEMPORARY,
    NoticeState.FAILED_PERMANENT,
    NoticeState.UNKNOWN,
    NoticeState.EXPIRED,
)
_AT_REST: Final = {"next_at": None, "lease_until": None, "digest_of": None}


def stops_something(envelope: Envelope) -> bool:
    """Tell whether an event is taken here."""
    return envelope["type"] in TAKEN and len(envelope["stream"].split("/")) == CAMPAIGN_PARTS


def take(connection: Connection, insert_: Callable[[Any], Any], fresh: Sequence[Envelope]) -> None:
    """Apply fresh events of a campaign's stream, in their order and their transaction.

    A row that the event does not fit any more (sent meanwhile, of another campaign or school) stays as it is.

    Args:
        connection: the append's transaction.
        insert_: the dialect's insert, which knows conflicts.
        fresh: events that have just been appended.
    """
    for envelope in fresh:
        if not stops_something(envelope):
            continue
        data = envelope["data"]
        match envelope["type"]:
            case "NoticesKilled":
                _kill(connection, envelope)
            case "NoticesReleased":
                _release(connection, envelope)
            case "OptionalNoticesDeclined":
                row = {"person": data["person"], "student": data["student"], **_placed(envelope)}
                connection.execute(insert_(opt_outs).on_conflict_do_nothing(), row)
            case "OptionalNoticesAllowed":
                mine = (opt_outs.c.campaign == envelope["stream"], opt_outs.c.person == data["person"])
                connection.execute(delete(opt_outs).where(*mine, opt_outs.c.student == data["student"]))
            case kind:
                _one(connection, envelope, kind)


def _placed(envelope: Envelope) -> dict[str, Any]:
    cause = event_id(envelope["stream"], envelope["version"])
    return {"campaign": envelope["stream"], "cause": cause, "at": envelope["recorded_at"]}


def _kill(connection: Connection, envelope: Envelope) -> None:
    data = envelope["data"]
    row = {
        "cause": event_id(envelope["stream"], envelope["version"]),
        "campaign": envelope["stream"],
        "kind": data["scope_kind"],
        "scope": data["scope"],
        "reason": data["reason"],
        "placed_at": envelope["recorded_at"],
    }
    connection.execute(insert(switches), row)


def _release(connection: Connection, envelope: Envelope) -> None:
    data = envelope["data"]
    open_ = update(switches).where(
        switches.c.campaign == envelope["stream"],
        switches.c.kind == data["scope_kind"],
        switches.c.scope == data["scope"],
        switches.c.released_by.is_(None),
    )
    cause = event_id(envelope["stream"], envelope["version"])
    connection.execute(open_.values(released_by=cause, released_at=envelope["recorded_at"]))


def _one(connection: Connection, envelope: Envelope, kind: str) -> None:
    """Apply an event about one notice."""
    data, at = envelope["data"], envelope["recorded_at"]
    mine = (outbox.c.notice_id == data["notice"], outbox.c.campaign == envelope["stream"])
    row = connection.execute(select(outbox).where(*mine)).first()
    school = data.get("school")
    if row is None or (school and row.stream.split("/")[CAMPAIGN_PARTS : CAMPAIGN_PARTS + 1] != [school]):
        return
    match kind:
        case "NoticeMuted":
            values = None if school and not row.optional else _muted(row)
        case "NoticeRetried":
            values = _retried(connection, row, data.get("channel"))
        case "NoticeOutcomeStated":
            values = _stated(connection, row, at, sent=data["sent"])
        case _:
            values = _task(connection, row, at, data["channel"], data["outcome"])
    if values is None:
        return
    connection.execute(CHANGE_ROW, [{"of_notice": row.notice_id, "state_at": at, **values}])
    if "digest_of" in values:
        _dissolve(connection, row)


def _dissolve(connection: Connection, row: Any) -> None:
    """Let the notices wait by themselves that stood in one message with a row, as far as it is not on its way."""
    first = row.digest_of or row.notice_id
    together = or_(outbox.c.notice_id == first, outbox.c.digest_of == first)
    claimed = update(outbox).where(together, outbox.c.state == NoticeState.CLEARED, outbox.c.lease_until.is_not(None))
    connection.execute(claimed.values(**FREED))
    waits = (NoticeState.PLANNED, NoticeState.HELD, NoticeState.FAILED_TEMPORARY, NoticeState.UNKNOWN)
    alone = update(outbox).where(outbox.c.digest_of == row.notice_id, outbox.c.state.in_(waits))
    connection.execute(alone.values(digest_of=None))


def _muted(row: Any) -> dict[str, Any] | None:
    """Return what a muted row becomes; what is in a provider's hands cannot be called back, and is not tried again."""
    if row.state == NoticeState.SUBMITTED:
        return {"code": MUTED, "state_at": row.state_at}
    if row.state not in _MUTABLE:
        return None
    return {"state": NoticeState.MUTED, "code": MUTED, **_AT_REST}


def _retried(connection: Connection, row: Any, channel: str | None) -> dict[str, Any] | None:
    """Return what a row becomes that a person sends on its way again: anew, or by the way that is named."""
    asked = row.state == NoticeState.UNKNOWN and row.next_at is None
    again = row.state in (NoticeState.FAILED_PERMANENT, NoticeState.MUTED, NoticeState.EXPIRED)
    if not (asked or again):
        return None
    if (silence := ending(row, silences_among(connection, [row]))) is not None:
        return {name: value for name, value in denied(None, silence).items() if name != "state_at"}
    values = {"state": NoticeState.PLANNED, "code": None, "tries": 0, **_AT_REST}
    if row.state == NoticeState.EXPIRED:
        values["not_after"] = None  # late, and wanted all the same
        if channel is None:
            return values
    if channel is None:
        return {**values, "channel": UNROUTED, "chain": ""}
    return {**values, "channel": channel, "chain": " ".join(one for one in row.chain.split() if one != channel)}


def _stated(connection: Connection, row: Any, at: str, *, sent: bool) -> dict[str, Any] | None:
    """Return what a row becomes of which a person says whether it went out."""
    if row.state != NoticeState.UNKNOWN:
        return None
    outcome = NoticeState.ACCEPTED if sent else NoticeState.FAILED_TEMPORARY
    _end(connection, row, row.attempts, outcome, STATED, at)
    if sent:
        return {"state": NoticeState.ACCEPTED, "code": STATED, "next_at": None, "lease_until": None}
    return {"state": NoticeState.PLANNED, "code": STATED, "next_at": None, "lease_until": None}


def _task(connection: Connection, row: Any, at: str, channel: str, outcome: str) -> dict[str, Any] | None:
    """Return what a row becomes whose task a person has done."""
    state = TASK_OUTCOMES.get((channel, outcome))
    signed = row.state == NoticeState.DELIVERED and state == NoticeState.READ
    if state is None or row.channel != channel or channel not in BY_PEOPLE:
        return None
    if row.state not in _OPEN_TASK or (row.state == NoticeState.DELIVERED and not signed):
        return None
    number = row.attempts
    if row.state == NoticeState.CLEARED:
        number += 1
        made = {"notice_id": row.notice_id, "number": number, "started_at": at, "channel": channel}
        connection.execute(insert(attempts), made)
        journal.write(connection, [journal.entry(row, number, NoticeState.SUBMITTED, at)])
    _end(connection, row, number, state, outcome, at)
    counted = {"attempts": number, "tries": row.tries + number - row.attempts}
    if state == NoticeState.FAILED_PERMANENT and row.chain:
        if (silence := ending(row, silences_among(connection, [row]))) is not None:
            return {**counted, "state": NoticeState.DENIED, "code": silence, **_AT_REST}
        return {**next_channel(row, outcome), "attempts": number}
    return {**counted, "state": state, "code": outcome, **_AT_REST}


def _end(connection: Connection, row: Any, number: int, state: NoticeState, code: str, at: str) -> None:
    mine = (attempts.c.notice_id == row.notice_id, attempts.c.number == number)
    connection.execute(update(attempts).where(*mine).values(ended_at=at, outcome=state, code=code))
    journal.write(connection, [journal.entry(row, number, state, at, code)])
