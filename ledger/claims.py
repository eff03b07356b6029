"""The claim: what is due is judged by the rules of sending, and what is cleared is a dispatcher's until its lease ends.

Whatever waits for a person, for a pause or for a switch stands out of the way of what is behind it: it is marked as
held, and the next look goes past it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, or_, select, union_all, update

from domain.calendar import Calendar
from domain.notices import BY_PEOPLE, PHONE, NoticeState, class_of, student_of
from domain.sending import Candidate, Kind, SendingRules, Verdict, counts, judge, overdue_tasks
from domain.time import civil, instant, stamp
from ledger import journal
from ledger.attempts import CHANGE_ROW, claimed_of, expire, next_channel
from ledger.handover import KILLED, PAUSED, PHONE_NOT_DONE, RESEND, Claimed, Tries
from ledger.silences import silenced
from ledger.switches import Stops, stops_of
from ledger.tables import budget, opt_outs, outbox

PASSES: Final = 8
"""So many batches are looked at in one claim while the rules hold what they find."""

RETRIED: Final = (NoticeState.HELD, NoticeState.FAILED_TEMPORARY)
MARKED: Final = (NoticeState.PLANNED, *RETRIED)
"""States that a pause or a switch turns into `held`; an attempt of which nobody knows stays `unknown` under it."""

STATES: Final = {Kind.HOLD: NoticeState.HELD, Kind.DENY: NoticeState.DENIED, Kind.EXPIRE: NoticeState.EXPIRED}


@dataclass(frozen=True)
class Claim:
    """What a dispatcher asks for.

    Attributes:
        limit: at most so many messages.
        rules, calendar: of the campaign.
        unknown: how the channel settles attempts of which nobody knows: `resend` claims them again.
    """

    campaign: str
    channel: str
    limit: int
    now: datetime
    rules: SendingRules
    calendar: Calendar | None
    tries: Tries
    unknown: str = RESEND


def claim(connection: Connection, insert_: Callable[[Any], Any], wanted: Claim) -> list[Claimed]:
    """Take the notices that are due, oldest first; those of people's channels are put on their lists.

    First, what nobody came back to is ended: a claim that was not begun waits again, an attempt becomes `unknown`.

    Args:
        connection: the transaction.
        insert_: the dialect's insert, which knows conflicts.
        wanted: whose and how many.
    """
    expire(connection, wanted.campaign, wanted.channel, wanted.now, wanted.tries, wanted.unknown)
    mark(connection, wanted, stops_of(connection, wanted.campaign))
    if wanted.channel == PHONE:
        _give_up_calls(connection, wanted)
    asked = {
        "of_campaign": wanted.campaign,
        "of_channel": wanted.channel,
        "now": stamp(wanted.now),
        "most": wanted.limit,
    }
    taken: list[Any] = []
    for _ in range(PASSES):
        rows = list(connection.execute(_NEXT_OR_UNKNOWN if wanted.unknown == RESEND else _NEXT, asked))
        candidates = _judged(connection, rows, wanted.campaign)
        spent = _spent(connection, candidates, wanted.now)
        most = wanted.limit - len(taken)
        verdicts = judge(wanted.rules, wanted.calendar, candidates, spent, wanted.now, most)
        kinds = {verdict.notice_id: verdict for verdict in verdicts}
        cleared = [row for row in rows if row.notice_id in kinds and kinds[row.notice_id].kind is Kind.CLEAR]
        _hold_back(connection, rows, kinds, wanted.now)
        _clear(connection, cleared, wanted)
        _count(connection, insert_, [one for one in candidates if _cleared(kinds, one)], wanted)
        taken += cleared
        if len(rows) < wanted.limit or len(taken) >= wanted.limit:
            break
    if wanted.channel in BY_PEOPLE:
        return []
    return _messages(connection, taken, wanted)


def due(now: str, unknown: str = RESEND) -> ColumnElement[bool]:
    """Tell of rows whether a claim looks at them."""
    again = [*RETRIED, NoticeState.UNKNOWN] if unknown == RESEND else [*RETRIED]
    return or_(
        and_(outbox.c.state == NoticeState.PLANNED, outbox.c.planned_at <= now),
        and_(outbox.c.state.in_(again), outbox.c.next_at <= now),
    )


_LET_GO: Final = (
    update(outbox)
    .where(
        outbox.c.campaign == bindparam("of_campaign"),
        outbox.c.channel == bindparam("of_channel"),
        outbox.c.state == NoticeState.HELD,
        outbox.c.next_at.is_(None),
        outbox.c.code.in_((PAUSED, KILLED)),
    )
    .values(state=NoticeState.PLANNED, state_at=bindparam("since"), code=None)
)


def mark(connection: Connection, wanted: Claim, stops: Stops) -> None:
    """Hold what a pause or a switch stops, and let go what none stops any more; both until somebody decides."""
    mine = (outbox.c.campaign == wanted.campaign, outbox.c.channel == wanted.channel)
    since = stamp(wanted.now)
    marked = MARKED if wanted.channel not in BY_PEOPLE else (*MARKED, NoticeState.CLEARED)
    asked = {"of_campaign": wanted.campaign, "of_channel": wanted.channel, "since": since}
    if not (stops.scopes or stops.killed):
        connection.execute(_LET_GO, asked)
        return
    killed, paused = stops.killed_rows(), stops.paused()
    connection.execute(_LET_GO.where(~killed, ~paused), asked)
    held = {"state": NoticeState.HELD, "state_at": since, "next_at": None, "lease_until": None, "digest_of": None}
    stood = 0
    for code, stopped in ((KILLED, killed), (PAUSED, and_(paused, ~killed))):
        if stops.killed if code == KILLED else stops.scopes:
            anew = or_(outbox.c.state != NoticeState.HELD, outbox.c.code.is_distinct_from(code))
            found = update(outbox).where(*mine, outbox.c.state.in_(marked), anew, stopped)
            stood += connection.execute(found.values(**held, code=code)).rowcount
    if stood:  # what stood in a message that is held now goes by itself
        first = select(outbox.c.notice_id).where(*mine, outbox.c.state == NoticeState.HELD, outbox.c.next_at.is_(None))
        alone = update(outbox).where(*mine, outbox.c.state.in_(MARKED), outbox.c.digest_of.in_(first))
        connection.execute(alone.values(digest_of=None))


def _next_rows(states: Sequence[NoticeState]) -> Select[Any]:
    """Return the query for the next rows that are due, oldest first; each state by itself, in an index's order."""
    mine = and_(
        outbox.c.campaign == bindparam("of_campaign"),
        outbox.c.channel == bindparam("of_channel"),
        outbox.c.digest_of.is_(None),
        ~silenced(),
    )
    columns = select(outbox.c.notice_id, outbox.c.planned_at)
    order = (outbox.c.next_at, outbox.c.planned_at, outbox.c.notice_id)
    new = (outbox.c.state == NoticeState.PLANNED, outbox.c.next_at.is_(None), outbox.c.planned_at <= bindparam("now"))
    due_now = [new, *((outbox.c.state == state, outbox.c.next_at <= bindparam("now")) for state in states)]
    parts = [select(columns.where(mine, *one).order_by(*order).limit(bindparam("most")).subquery()) for one in due_now]
    found = union_all(*parts).subquery()
    first = select(found.c.notice_id).order_by(found.c.planned_at, found.c.notice_id).limit(bindparam("most"))
    return select(outbox).where(outbox.c.notice_id.in_(first)).order_by(outbox.c.planned_at, outbox.c.notice_id)


_NEXT: Final = _next_rows(RETRIED)
_NEXT_OR_UNKNOWN: Final = _next_rows((*RETRIED, NoticeState.UNKNOWN))


def _judged(connection: Connection, rows: Sequence[Any], campaign: str) -> list[Candidate]:
    persons = {row.person: None for row in rows if row.person is not None and row.optional}
    declined: dict[tuple[str | None, str | None], None] = {}
    if persons:
        asked = (opt_outs.c.campaign == campaign, opt_outs.c.person.in_(list(persons)))
        found = connection.execute(select(opt_outs.c.person, opt_outs.c.student).where(*asked))
        declined = dict.fromkeys(tuple(one) for one in found)
    return [
        Candidate(
            notice_id=row.notice_id,
            root=row.copy_of or row.notice_id,
            purpose=row.purpose,
            recipient=row.recipient,
            notice_class=class_of(row.purpose, row.recipient, optional=row.optional),
            channel=row.channel,
            planned_at=instant(row.planned_at),
            keys=tuple(row.contacts.split()),
            not_after=None if row.not_after is None else instant(row.not_after),
            opted_out=(row.person, student_of(row.recipient)) in declined,
        )
        for row in rows
    ]


def _spent(connection: Connection, candidates: Sequence[Candidate], now: datetime) -> dict[str, list[str]]:
    """Return what the households of some candidates have been sent on this civil day."""
    keys = {key: None for one in candidates if counts(one) for key in one.keys}
    if not keys:
        return {}
    query = select(budget.c.key, budget.c.root).where(
        budget.c.key.in_(list(keys)), budget.c.day == civil(now).isoformat()
    )
    spent: dict[str, list[str]] = {}
    for key, root in connection.execute(query):
        spent.setdefault(key, []).append(root)
    return spent


def _count(connection: Connection, insert_: Callable[[Any], Any], cleared: Sequence[Candidate], wanted: Claim) -> None:
    day = civil(wanted.now).isoformat()
    rows = {
        (key, one.root): {"key": key, "day": day, "root": one.root, "campaign": wanted.campaign}
        for one in cleared
        if counts(one)
        for key in one.keys
    }
    if rows:
        connection.execute(insert_(budget).on_conflict_do_nothing(), list(rows.values()))


def _cleared(kinds: Mapping[str, Verdict], candidate: Candidate) -> bool:
    verdict = kinds.get(candidate.notice_id)
    return verdict is not None and verdict.kind is Kind.CLEAR


def _hold_back(connection: Connection, rows: Sequence[Any], kinds: Mapping[str, Verdict], now: datetime) -> None:
    """Write down what is held, denied or expired; what waits past its occasion is looked at when that comes."""
    changes: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for row in rows:
        verdict = kinds.get(row.notice_id)
        if verdict is None or verdict.kind is Kind.CLEAR:
            continue
        state = STATES[verdict.kind]
        until = None if verdict.until is None else stamp(verdict.until)
        goes_on = row.state == state and row.code == verdict.code
        changes.append(
            {
                "of_notice": row.notice_id,
                "state": state,
                "state_at": row.state_at if goes_on else stamp(now),
                "code": verdict.code,
                "next_at": until if row.not_after is None or until is None else min(until, row.not_after),
            }
        )
        if not goes_on:
            entries.append(journal.entry(row, row.attempts, state, stamp(now), verdict.code))
    if changes:
        connection.execute(CHANGE_ROW, changes)
        journal.write(connection, entries)


_CLEAR: Final = (
    update(outbox)
    .where(outbox.c.notice_id.in_(bindparam("names", expanding=True)))
    .values(
        state=NoticeState.CLEARED,
        state_at=bindparam("since"),
        lease_until=bindparam("until"),
        next_at=None,
        code=case((outbox.c.state == NoticeState.HELD, None), else_=outbox.c.code),
    )
)


def _clear(connection: Connection, rows: Sequence[Any], wanted: Claim) -> None:
    if rows:
        lease = None if wanted.channel in BY_PEOPLE else stamp(wanted.now + wanted.tries.lease)
        names = [row.notice_id for row in rows]
        connection.execute(_CLEAR, {"names": names, "since": stamp(wanted.now), "until": lease})


# -- messages ---------------------------------------------------------------------------------------------------


def _messages(connection: Connection, rows: Sequence[Any], wanted: Claim) -> list[Claimed]:
    """Return what was cleared, the notices of one message behind its first: staff is told several things at once."""
    until = wanted.now + wanted.tries.lease
    members = _kept_together(connection, rows, wanted)
    firsts: dict[str, str] = {}
    joined: list[dict[str, str]] = []
    for row in rows:
        if row.purpose not in wanted.rules.digest_purposes or row.tries or "@" not in row.recipient:
            continue
        first = firsts.setdefault(row.recipient, row.notice_id)
        if first != row.notice_id:
            joined.append({"of_notice": row.notice_id, "digest_of": first})
    if joined:
        connection.execute(CHANGE_ROW, joined)
    leaders = {change["of_notice"]: change["digest_of"] for change in joined}
    for row in rows:
        if row.notice_id in leaders:
            members.setdefault(leaders[row.notice_id], []).append(row)
    claimed: list[Claimed] = []
    for row in rows:
        if row.notice_id not in leaders:
            claimed.append(claimed_of(row, row.attempts + 1, until))
            for member in members.get(row.notice_id, ()):
                one = claimed_of(member, member.attempts + 1, until)
                claimed.append(Claimed(**{**vars(one), "digest_of": row.notice_id}))
    return claimed


def _kept_together(connection: Connection, rows: Sequence[Any], wanted: Claim) -> dict[str, list[Any]]:
    """Take those along that stood in a message that is tried again: it is the same message."""
    again = [row.notice_id for row in rows if row.tries and row.purpose in wanted.rules.digest_purposes]
    if not again:
        return {}
    waits = outbox.c.state.in_((*MARKED, NoticeState.UNKNOWN))
    query = select(outbox).where(outbox.c.digest_of.in_(again), waits).order_by(outbox.c.planned_at, outbox.c.notice_id)
    found = list(connection.execute(query))
    _clear(connection, found, wanted)
    members: dict[str, list[Any]] = {}
    for row in found:
        members.setdefault(row.digest_of, []).append(row)
    return members


# -- people's lists -----------------------------------------------------------------------------------------------


def _give_up_calls(connection: Connection, wanted: Claim) -> None:
    """Put calls that nobody made in time on their next channel."""
    late = overdue_tasks(wanted.rules, wanted.calendar, wanted.now)
    query = select(outbox).where(
        outbox.c.campaign == wanted.campaign,
        outbox.c.channel == PHONE,
        outbox.c.state == NoticeState.CLEARED,
        outbox.c.chain != "",
        outbox.c.state_at < stamp(late),
    )
    rows = connection.execute(query).all()
    if rows:
        since = stamp(wanted.now)
        changes = [{"of_notice": row.notice_id, **next_channel(row, PHONE_NOT_DONE), "state_at": since} for row in rows]
        connection.execute(CHANGE_ROW, changes)
        failed = NoticeState.FAILED_PERMANENT
        journal.write(connection, [journal.entry(row, row.attempts, failed, since, PHONE_NOT_DONE) for row in rows])


def listed(campaign: str, channel: str, stops: Stops, school: str | None) -> Select[Any]:
    """Return the query for what stands on a person's list and may be done now."""
    query = (
        select(outbox)
        .where(
            outbox.c.campaign == campaign,
            outbox.c.channel == channel,
            outbox.c.state == NoticeState.CLEARED,
            ~silenced(),
            ~stops.killed_rows(),
            ~stops.paused(),
        )
        .order_by(outbox.c.planned_at, outbox.c.notice_id)
    )
    if school is None:
        return query
    scope = f"{campaign}/{school}"
    inside = func.substr(outbox.c.stream, 1, len(scope) + 1) == f"{scope}/"
    return query.where(or_(outbox.c.stream == scope, inside))
