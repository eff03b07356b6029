"""One notice to a household, several people in it: a row of the outbox for each of them.

An event plans one row for a household, since events know nobody's family. When that row is claimed, who is in the
household is looked up: the row is kept for one person, and each of the others gets a copy with an id that follows from
the row's and the person's (`domain.notices.copy_for`). So a mail that fails is tried again for its own reader only, and
a crash in between plans nothing twice (INV-27).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.notices import NoticePlan, NoticeState, copy_for
from domain.silences import Silence
from ledger.silences import cancelled, ending, one_of, silences_of
from ledger.tables import outbox

KEEP_FOR = update(outbox).where(outbox.c.notice_id == bindparam("of_notice"), outbox.c.person.is_(None))

ANEW: Final = {"state": NoticeState.PLANNED, "code": None, "next_at": None}
"""What a row becomes that waits as if it were new."""

SILENCED: Final = (outbox.c.state == NoticeState.CANCELLED, one_of(outbox.c.code, Silence))
"""What a silence has ended, and nobody else."""

_RENEW: Final = update(outbox).where(outbox.c.copy_of.in_(bindparam("households", expanding=True)), *SILENCED)


@dataclass(frozen=True)
class Sharing:
    """Who reads one household's notice.

    Attributes:
        notice_id: the household's row.
        person: reference of whom the row itself is for, None where nobody can be written to under its own purpose.
        others: (reference, purpose) of everybody else: a caregiver gets a letter of another purpose, without a code.
    """

    notice_id: str
    person: str | None
    others: tuple[tuple[str, str], ...]


def renew(connection: Connection, households: Sequence[str]) -> None:
    """Let the copies wait anew that a silence has ended, where an event plans their household's notice again.

    The household's own row may have gone out before the silence began: nobody shares it a second time, and the others
    would never be told.

    Args:
        connection: the append's transaction.
        households: ids of the rows that are planned.
    """
    connection.execute(_RENEW.values(ANEW), {"households": list(households)})


async def share(connection: AsyncConnection, insert_: Callable[[Any], Any], sharings: Sequence[Sharing]) -> None:
    """Keep rows for their persons and plan the others' copies; again changes nothing.

    A copy that a silence has ended waits anew when its household's row is sent after all.

    Args:
        connection: the transaction.
        insert_: the dialect's insert, which knows conflicts.
        sharings: one for each household's row.
    """
    kept = [{"of_notice": one.notice_id, "person": one.person} for one in sharings if one.person is not None]
    if kept:
        await connection.execute(KEEP_FOR, kept)
    several = {one.notice_id: one for one in sharings if one.others}
    if not several:
        return
    shared = select(outbox).where(outbox.c.notice_id.in_(list(several))).order_by(outbox.c.notice_id)
    rows = []
    copies: list[tuple[NoticePlan, dict[str, str]]] = []
    for row in (await connection.execute(shared)).mappings():
        plan = NoticePlan(**{name: row[name] for name in NoticePlan.model_fields})
        for person, purpose in several[plan.notice_id].others:
            about = {"person": person, "copy_of": plan.notice_id, "channel": row["channel"]}
            copies.append((copy_for(plan, person, purpose), about))
    silences = await silences_of(connection, [copy for copy, _ in copies])
    for copy, about in copies:
        silence = ending(copy, silences)
        state = {"state": NoticeState.PLANNED, "state_at": None, "code": None}
        if silence is not None:
            state = {name: cancelled(copy.planned_at, silence)[name] for name in state}
        rows.append({**copy.model_dump(), **about, **state})
    await connection.execute(insert_(outbox).on_conflict_do_nothing(), rows)
    again = [row["notice_id"] for row in rows if row["state"] == NoticeState.PLANNED]
    await connection.execute(update(outbox).where(outbox.c.notice_id.in_(again), *SILENCED).values(ANEW))
