"""Messages that are sent again of which nobody knows whether they went out: only while the provider would know them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from domain.notices import NoticeState
from domain.time import stamp
from ledger import journal
from ledger.among import in_list
from ledger.attempts import CHANGE_ROW, group_of
from ledger.tables import attempts

NOT_REPEATABLE: Final = "NOT_REPEATABLE"
"""The provider might not know it any more and would send it twice: a person says what became of it."""


def ask_a_person(connection: Connection, rows: Sequence[Any], now: datetime, window: timedelta) -> dict[str, None]:
    """Leave rows to a person that may have gone out longer ago than their provider knows a repeated message.

    The oldest attempt counts of which nobody knows, whatever became of those after it: no provider promises that a
    message which it left out lengthens its memory of the first one. A person's retry begins anew.

    Args:
        connection: the transaction.
        rows: that are due.
        now: the present.
        window: so long the provider knows a message, less what a repetition may take.

    Returns:
        Which of them now wait for a person.
    """
    tried = {row.notice_id: row for row in rows if row.tries}
    if not tried:
        return {}
    query = select(attempts.c.notice_id, attempts.c.channel, attempts.c.generation).where(
        in_list(attempts.c.notice_id, tried),
        attempts.c.outcome == NoticeState.UNKNOWN,
        attempts.c.started_at <= stamp(now - window),
    )
    old = {one.notice_id: None for one in connection.execute(query) if _same_message(one, tried[one.notice_id])}
    if not old:
        return {}
    waiting = (NoticeState.PLANNED, NoticeState.HELD, NoticeState.FAILED_TEMPORARY, NoticeState.UNKNOWN)
    left = [row for row in group_of(connection, list(old)) if row.state in waiting]
    unknown = {"state": NoticeState.UNKNOWN, "code": NOT_REPEATABLE, "next_at": None, "lease_until": None}
    connection.execute(
        CHANGE_ROW, [{"of_notice": row.notice_id, **unknown, "state_at": _since(row, now)} for row in left]
    )
    journal.write(
        connection,
        [journal.entry(row, row.attempts, NoticeState.UNKNOWN, stamp(now), NOT_REPEATABLE) for row in left],
    )
    return old


def _same_message(attempt: Any, row: Any) -> bool:
    return bool(attempt.channel == row.channel and attempt.generation == row.generation)


def _since(row: Any, now: datetime) -> str:
    return row.state_at if row.state == NoticeState.UNKNOWN and row.state_at else stamp(now)
