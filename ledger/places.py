"""Places in a household's budget of a civil day: taken by the claim, and kept by what went out or is about to.

A place is not handed back by each of the many ways in which a notice can turn round before it is sent: whoever asks
counts only the places of messages that are in somebody's hands, or of which an attempt began on that day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, func, or_, select

from domain.notices import PAPER, NoticeState
from domain.sending import Candidate, counts
from domain.time import civil
from ledger.among import in_named
from ledger.many import Many
from ledger.tables import attempts, budget, outbox

_OF_MESSAGE: Final = or_(outbox.c.notice_id == budget.c.root, outbox.c.copy_of == budget.c.root)
_ABOUT_TO: Final = exists().where(_OF_MESSAGE, outbox.c.state == NoticeState.CLEARED, outbox.c.channel != PAPER)
_WENT_OUT: Final = exists().where(
    _OF_MESSAGE,
    attempts.c.notice_id == outbox.c.notice_id,
    attempts.c.channel != PAPER,
    func.substr(attempts.c.started_at, 1, 10) == budget.c.day,
)
_SPENT: Final = select(budget.c.key, budget.c.root).where(
    in_named(budget.c.key, "keys"),
    budget.c.day == bindparam("of_day"),
    or_(_ABOUT_TO, _WENT_OUT),
)


def adding_of(insert_: Callable[[Any], Any]) -> Many:
    """Return the statement by which places are taken, for a dialect whose insert knows conflicts."""
    return Many(insert_(budget).on_conflict_do_nothing(), "key", "day", "root", "campaign")


def spent(connection: Connection, candidates: Sequence[Candidate], now: datetime) -> dict[str, list[str]]:
    """Return what the households of some candidates have been sent on this civil day, or are about to be.

    Returns:
        Key of a household → roots of messages.
    """
    keys = {key: None for one in candidates if counts(one) for key in one.keys}
    found: dict[str, list[str]] = {}
    if keys:
        for key, root in connection.execute(_SPENT, {"keys": list(keys), "of_day": civil(now).isoformat()}):
            found.setdefault(key, []).append(root)
    return found


def take(
    connection: Connection,
    adding: Many,
    cleared: Sequence[Candidate],
    now: datetime,
    campaign: str,
) -> None:
    """Write down the places of what was cleared; a message takes one for each key of its household, once a day."""
    day = civil(now).isoformat()
    rows = {
        (key, one.root): {"key": key, "day": day, "root": one.root, "campaign": campaign}
        for one in cleared
        if counts(one)
        for key in one.keys
    }
    if rows:
        adding.run(connection, list(rows.values()))
