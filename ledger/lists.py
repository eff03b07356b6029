"""People's lists: calls to make and letters to hand over. What stands there is judged again with every claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, or_, select

from domain.calendar import Calendar
from domain.notices import PHONE, NoticeClass, NoticeState, class_of
from domain.sending import SendingRules, overdue_tasks
from domain.time import stamp
from ledger import journal
from ledger.attempts import CHANGE_ROW, next_channel
from ledger.handover import PHONE_NOT_DONE
from ledger.silences import silenced, wishes_about
from ledger.switches import stops_of
from ledger.tables import opt_outs, outbox

_OVER: Final = (NoticeState.DENIED, NoticeState.EXPIRED)


def take_off(connection: Connection, campaign: str, channel: str, now: datetime) -> Counter[NoticeState]:
    """Take off a list whose occasion has come, and whose reader wants no optional notices any more.

    Returns:
        State → how many rows came to it.
    """
    since = stamp(now)
    declined = select(opt_outs.c.person).where(opt_outs.c.campaign == campaign)
    doubted = select(outbox).where(
        outbox.c.campaign == campaign,
        outbox.c.channel == channel,
        outbox.c.state == NoticeState.CLEARED,
        or_(outbox.c.not_after <= since, and_(outbox.c.optional, outbox.c.person.in_(declined))),
    )
    rows = connection.execute(doubted).all()
    if not rows:
        return Counter()
    stops = stops_of(connection, campaign, rows)
    over = [(row, stop) for row in rows if (stop := stops.stop(row, since)) is not None and stop.state in _OVER]
    if over:
        connection.execute(
            CHANGE_ROW,
            [
                {"of_notice": row.notice_id, "state": stop.state, "state_at": since, "code": stop.code, "next_at": None}
                for row, stop in over
            ],
        )
        journal.write(
            connection, [journal.entry(row, row.attempts, stop.state, since, stop.code) for row, stop in over]
        )
    return Counter(stop.state for _, stop in over)


def give_up_calls(
    connection: Connection, campaign: str, now: datetime, rules: SendingRules, calendar: Calendar | None
) -> None:
    """Put calls that nobody made in time on their next channel."""
    late = overdue_tasks(rules, calendar, now)
    query = select(outbox).where(
        outbox.c.campaign == campaign,
        outbox.c.channel == PHONE,
        outbox.c.state == NoticeState.CLEARED,
        outbox.c.chain != "",
        outbox.c.state_at < stamp(late),
    )
    rows = connection.execute(query).all()
    if rows:
        since = stamp(now)
        changes = [{"of_notice": row.notice_id, **next_channel(row, PHONE_NOT_DONE), "state_at": since} for row in rows]
        connection.execute(CHANGE_ROW, changes)
        failed = NoticeState.FAILED_PERMANENT
        journal.write(connection, [journal.entry(row, row.attempts, failed, since, PHONE_NOT_DONE) for row in rows])


def listed(
    connection: Connection,
    campaign: str,
    channel: str,
    school: str | None = None,
    state: NoticeState = NoticeState.CLEARED,
) -> list[dict[str, Any]]:
    """Return the rows on a person's list that may be done now, the oldest first; of one school, or of all.

    With the state `submitted`, those that were printed, of which nobody has said what became of them.

    No clock is asked here: the claim takes off what would come too late.
    """
    stops = stops_of(connection, campaign)
    query = (
        select(outbox)
        .where(
            outbox.c.campaign == campaign,
            outbox.c.channel == channel,
            outbox.c.state == state,
            outbox.c.muted.is_(False),
            ~silenced(),
            ~stops.killed_rows(),
            ~stops.paused(),
        )
        .order_by(outbox.c.planned_at, outbox.c.notice_id)
    )
    if school is not None:
        scope = f"{campaign}/{school}"
        inside = func.substr(outbox.c.stream, 1, len(scope) + 1) == f"{scope}/"
        query = query.where(or_(outbox.c.stream == scope, inside))
    wishes = select(opt_outs.c.person, opt_outs.c.student, opt_outs.c.school).where(opt_outs.c.campaign == campaign)
    declined = dict.fromkeys((one.person, one.student, one.school) for one in connection.execute(wishes))
    return [dict(row) for row in connection.execute(query).mappings() if not _unwanted(row, declined)]


def _unwanted(row: Mapping[Any, Any], declined: Mapping[tuple[str | None, str | None, str], None]) -> bool:
    optional = class_of(row["purpose"], row["recipient"], optional=row["optional"]) is NoticeClass.CAMPAIGN
    wishes = wishes_about(row["person"], row["recipient"], row["stream"])
    return optional and any(wish in declined for wish in wishes)
