"""What people decide about sending: kill switches, single notices, tasks done by hand, and who wants no optional ones.

The events of a campaign's stream change the outbox in their own transaction, so that nothing goes out after them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, or_, select, update

from domain.events import Envelope, event_id
from domain.notices import BY_PEOPLE, PAPER, PHONE, NoticeState
from ledger import journal, lost
from ledger.among import in_list
from ledger.attempts import (
    AT_REST,
    CHANGE_ROW,
    ENDED,
    FREED,
    group_of,
    next_channel,
    no_further,
    to_repair,
)
from ledger.handover import MUTED, STATED
from ledger.routing import ANEW
from ledger.silences import CAMPAIGN_PARTS, denied, ending, silences_among
from ledger.tables import attempts, opt_outs, outbox, switches

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
_IN_HANDS: Final = (NoticeState.SUBMITTED, NoticeState.ACCEPTED)
"""What was begun, and may still come back."""


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
                about = {"person": data["person"], "student": data["student"], "school": data.get("school") or ""}
                row = {**about, **_placed(envelope)}
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
            _stated(connection, row, at, sent=data["sent"])
            return
        case _:
            values = _task(connection, row, at, data["channel"], data["outcome"])
    if values is None:
        return
    connection.execute(CHANGE_ROW, [{"of_notice": row.notice_id, "state_at": at, **values}])
    if kind == "NoticeTaskRecorded":
        lost.note(connection, [lost.Failure(row, data["channel"], data["outcome"])], at)
    if "digest_of" in values:
        _dissolve(connection, row)
    if kind != "NoticeTaskRecorded" or values["state"] in ENDED:
        told = NoticeState.MUTED if kind == "NoticeMuted" else values["state"]
        journal.write(connection, [journal.entry(row, row.attempts, told, at, values.get("code"))])


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
    if row.state in _IN_HANDS:
        return None if row.muted else {"muted": True, "code": MUTED, "state_at": row.state_at}
    if row.state not in _MUTABLE:
        return None
    return {"state": NoticeState.MUTED, "muted": True, "code": MUTED, **AT_REST}


def _retried(connection: Connection, row: Any, channel: str | None) -> dict[str, Any] | None:
    """Return what a row becomes that a person sends on its way again: its readers and ways are looked up anew.

    The channel that a person names is a wish: whether it is a way to this reader, the registry knows.
    """
    asked = row.state == NoticeState.UNKNOWN and row.next_at is None
    again = row.state in (NoticeState.FAILED_PERMANENT, NoticeState.MUTED, NoticeState.EXPIRED)
    if not (asked or again):
        return None
    if (silence := ending(row, silences_among(connection, [row]))) is not None:
        return {name: value for name, value in denied(None, silence).items() if name != "state_at"}
    return {
        **ANEW,
        "muted": False,
        "not_after": None,
        "generation": row.generation + 1,
        "wish": channel or "",
    }


def _stated(connection: Connection, row: Any, at: str, *, sent: bool) -> None:
    """Write down whether a message went out of which nobody knew: that holds for all notices that stood in it.

    One that did not go out is tried again as it was, with all of them.
    """
    if row.state != NoticeState.UNKNOWN:
        return
    together = group_of(connection, [row.digest_of or row.notice_id])
    doubtful = [one for one in together if one.state == NoticeState.UNKNOWN]
    outcome = NoticeState.ACCEPTED if sent else NoticeState.FAILED_TEMPORARY
    after = {"state": NoticeState.ACCEPTED if sent else NoticeState.PLANNED, "state_at": at, "code": STATED}
    for one in doubtful:
        _end(connection, one, one.attempts, outcome, STATED, at)
    if not sent:  # nor did those before the last one
        names = [one.notice_id for one in doubtful]
        before = update(attempts).where(in_list(attempts.c.notice_id, names), attempts.c.outcome == NoticeState.UNKNOWN)
        connection.execute(before.values(outcome=outcome, code=STATED))
    rest = {"next_at": None, "lease_until": None}
    connection.execute(CHANGE_ROW, [{"of_notice": one.notice_id, **after, **rest} for one in doubtful])


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
        made["generation"] = row.generation
        connection.execute(insert(attempts), made)
        journal.write(connection, [journal.entry(row, number, NoticeState.SUBMITTED, at)])
    _end(connection, row, number, state, outcome, at)
    counted = {"attempts": number, "tries": row.tries + number - row.attempts, "repair": to_repair(row, outcome)}
    if state == NoticeState.FAILED_PERMANENT and row.chain:
        if (end := no_further(row, silences_among(connection, [row]))) is not None:
            return {**counted, **end}
        return {**next_channel(row, outcome), "attempts": number}
    return {**counted, "state": state, "code": outcome, **AT_REST}


def _end(connection: Connection, row: Any, number: int, state: NoticeState, code: str, at: str) -> None:
    mine = (attempts.c.notice_id == row.notice_id, attempts.c.number == number)
    connection.execute(update(attempts).where(*mine).values(ended_at=at, outcome=state, code=code))
    journal.write(connection, [journal.entry(row, number, state, at, code)])
