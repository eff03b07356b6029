"""Invitations that have not gone out when the household's hour or seat is taken back, or moved.

One that is taken back is denied at once; one that is moved is looked up anew and goes with the hour that holds. Who was
never invited is told of neither: so says the routing, which asks here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, exists, or_, select, update

from domain.events import Envelope
from domain.notices import GONE_OUT, InvitationNews, NoticeState, invitation_news
from ledger import journal
from ledger.among import in_named
from ledger.attempts import AT_REST, CHANGE_ROW, DOUBTED
from ledger.handover import TAKEN_BACK
from ledger.routing import ANEW
from ledger.tables import attempts, outbox

_MAYBE_OUT: Final = (*GONE_OUT, NoticeState.UNKNOWN)
_TOLD: Final = or_(
    outbox.c.state.in_((*_MAYBE_OUT, NoticeState.SUBMITTED)),
    exists()
    .where(
        attempts.c.notice_id == outbox.c.notice_id,
        or_(attempts.c.outcome.is_(None), attempts.c.outcome.in_(_MAYBE_OUT)),
    )
    .correlate(outbox),
)
"""Rows of which somebody has, or may have, read something."""

_WAITS: Final = (NoticeState.PLANNED, NoticeState.HELD, NoticeState.FAILED_TEMPORARY, NoticeState.CLEARED)
_OF: Final = or_(
    in_named(outbox.c.notice_id, "names"),
    in_named(outbox.c.copy_of, "names"),
)
_TO_DENY: Final = select(outbox).where(_OF, outbox.c.state.in_(_WAITS), ~DOUBTED)
_TO_RENEW: Final = and_(outbox.c.state.in_((*_WAITS, NoticeState.EXPIRED)), ~_TOLD)


class Invited(NamedTuple):
    """One reader's invitation.

    Attributes:
        person: the reader, None where nobody has looked the household up yet.
        told: it has gone out, or may have.
        state: where it stands.
    """

    person: str | None
    told: bool
    state: NoticeState


def concerns(envelope: Envelope) -> bool:
    """Tell whether an event takes an invitation back or moves it."""
    news = invitation_news(envelope)
    return news is not None and news[1] is not InvitationNews.INVITED


def take(connection: Connection, fresh: Sequence[Envelope]) -> None:
    """Apply fresh events to the invitations that have not gone out; of one household's the last event decides.

    Args:
        connection: the append's transaction; what the events plan is planned already.
        fresh: events that have just been appended.
    """
    news = {found[0]: (found[1], envelope) for envelope in fresh if (found := invitation_news(envelope)) is not None}
    withdrawn = {name: one["recorded_at"] for name, (kind, one) in news.items() if kind is InvitationNews.WITHDRAWN}
    if withdrawn:
        rows = connection.execute(_TO_DENY, {"names": list(withdrawn)}).all()
        _deny(connection, [(row, withdrawn[row.copy_of or row.notice_id]) for row in rows])
    moved = [name for name, (kind, _) in news.items() if kind is InvitationNews.MOVED]
    if moved:
        connection.execute(update(outbox).where(_OF, _TO_RENEW).values(**ANEW, not_after=None), {"names": moved})


def invited(connection: Connection, names: Sequence[str]) -> dict[str, list[Invited]]:
    """Return invitation → those of its readers, in the order of their rows; nothing where there is none."""
    found: dict[str, list[Invited]] = {}
    query = select(outbox, _TOLD.label("told")).where(_OF).order_by(outbox.c.notice_id)
    for row in connection.execute(query, {"names": list(names)}):
        one = Invited(row.person, bool(row.told), NoticeState(row.state))
        found.setdefault(row.copy_of or row.notice_id, []).append(one)
    return found


def _deny(connection: Connection, rows: Sequence[tuple[Any, str]]) -> None:
    if rows:
        end = {"state": NoticeState.DENIED, "code": TAKEN_BACK, **AT_REST}
        connection.execute(CHANGE_ROW, [{"of_notice": row.notice_id, "state_at": at, **end} for row, at in rows])
        denied = NoticeState.DENIED
        journal.write(connection, [journal.entry(row, row.attempts, denied, at, TAKEN_BACK) for row, at in rows])
