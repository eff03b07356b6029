"""The claim: what is due is judged by the rules of sending, and what is cleared is a dispatcher's until its lease ends.

Whatever waits for a person, for a pause or for a switch stands out of the way of what is behind it: it is marked as
held, and the next look goes past it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    not_,
    or_,
    select,
    union_all,
    update,
)

from domain.calendar import Calendar
from domain.notices import BY_PEOPLE, PHONE, NoticeClass, NoticeState, class_of
from domain.sending import Candidate, Kind, SendingRules, Verdict, cleared_until, judge
from domain.time import instant, stamp
from ledger import journal, lists, lost, places
from ledger.among import in_list, in_named
from ledger.attempts import CHANGE_ROW, claimed_of, expire
from ledger.handover import KILLED, PAUSED, RESEND, Claimed, Tries
from ledger.many import Many
from ledger.repeats import ask_a_person
from ledger.silences import silenced, wishes_about
from ledger.switches import Stops, stops_of
from ledger.tables import opt_outs, outbox, whole_rows

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
        dedupes_for: so long the provider knows a repeated message, None for ever; later a person is asked.
    """

    campaign: str
    channel: str
    limit: int
    now: datetime
    rules: SendingRules
    calendar: Calendar | None
    tries: Tries
    unknown: str = RESEND
    dedupes_for: timedelta | None = None


class Taken(list[Claimed]):
    """What a claim took, with the counts of what it looked at and did not take.

    Attributes:
        held: rows that wait, for the rules' sake or for a person.
        denied: rows whose readers do not want them.
        expired: rows that came too late.
    """

    def __init__(self, claimed: Iterable[Claimed] = (), others: Mapping[NoticeState, int] | None = None) -> None:
        """Take over both."""
        super().__init__(claimed)
        counted = others or {}
        self.held = counted.get(NoticeState.HELD, 0)
        self.denied = counted.get(NoticeState.DENIED, 0)
        self.expired = counted.get(NoticeState.EXPIRED, 0)


def claim(connection: Connection, adding: Many, wanted: Claim) -> Taken:
    """Take the notices that are due, oldest first; those of people's channels are put on their lists.

    First, what nobody came back to is ended: a claim that was not begun waits again, an attempt becomes `unknown`.

    Args:
        connection: the transaction.
        adding: the statement by which places in a budget are taken.
        wanted: whose and how many.
    """
    expire(connection, wanted.campaign, wanted.channel, wanted.now, wanted.tries, wanted.unknown)
    stops = stops_of(connection, wanted.campaign)
    mark(connection, wanted, stops)
    others: Counter[NoticeState] = Counter()
    if wanted.channel in BY_PEOPLE:
        others += lists.take_off(connection, wanted.campaign, wanted.channel, wanted.now)
    if wanted.channel == PHONE:
        lists.give_up_calls(connection, wanted.campaign, wanted.now, wanted.rules, wanted.calendar)
    asked = {
        "of_campaign": wanted.campaign,
        "of_channel": wanted.channel,
        "now": stamp(wanted.now),
        "most": wanted.limit,
    }
    query = _query(wanted, stops)
    taken: list[Any] = []
    for _ in range(PASSES):
        found = whole_rows(connection.execute(query, asked))
        doubtful = _left_to_people(connection, found, wanted)
        others[NoticeState.HELD] += len(doubtful)
        rows = [row for row in found if row.notice_id not in doubtful]
        lost_to_us = lost.pass_on(connection, rows, stamp(wanted.now))
        rows = [row for row in rows if row.notice_id not in lost_to_us]
        candidates = _judged(connection, rows, wanted.campaign)
        spent = places.spent(connection, candidates, wanted.now)
        most = wanted.limit - len(taken)
        verdicts = judge(wanted.rules, wanted.calendar, candidates, spent, wanted.now, most)
        kinds = {verdict.notice_id: verdict for verdict in verdicts}
        cleared = [row for row in rows if row.notice_id in kinds and kinds[row.notice_id].kind is Kind.CLEAR]
        others += _hold_back(connection, rows, kinds, wanted.now)
        _clear(connection, cleared, wanted)
        counted = [one for one in candidates if _cleared(kinds, one)]
        places.take(connection, adding, counted, wanted.now, wanted.campaign)
        taken += cleared
        if len(found) < wanted.limit or len(taken) >= wanted.limit:
            break
    if wanted.channel in BY_PEOPLE:
        return Taken((), others)
    return Taken(_messages(connection, taken, wanted), others)


def _left_to_people(connection: Connection, rows: Sequence[Any], wanted: Claim) -> dict[str, None]:
    """Leave to a person what the provider might send twice; return which."""
    if wanted.unknown != RESEND or wanted.dedupes_for is None:
        return {}
    return ask_a_person(connection, rows, wanted.now, wanted.dedupes_for - wanted.tries.lease)


def due(now: str, unknown: str = RESEND) -> ColumnElement[bool]:
    """Tell of rows whether a claim looks at them."""
    again = [*RETRIED, NoticeState.UNKNOWN] if unknown == RESEND else [*RETRIED]
    return or_(
        and_(outbox.c.state == NoticeState.PLANNED, outbox.c.planned_at <= now),
        and_(outbox.c.state.in_(again), outbox.c.next_at <= now),
    )


_LEADER: Final = outbox.alias("leader")
_LEADING: Final = (*MARKED, NoticeState.UNKNOWN, NoticeState.CLEARED, NoticeState.SUBMITTED)
ALONE: Final = or_(
    outbox.c.digest_of.is_(None),
    ~exists().where(
        _LEADER.c.notice_id == outbox.c.digest_of,
        _LEADER.c.channel == outbox.c.channel,
        _LEADER.c.state.in_(_LEADING),
    ),
)
"""Rows that go by themselves: in no other one's message, or in one whose leader goes nowhere any more."""

TOLD: Final = (outbox.c.notice_id, outbox.c.campaign, outbox.c.channel, outbox.c.attempts)
"""What the journal says of a row."""

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
    .returning(*TOLD)
)


def mark(connection: Connection, wanted: Claim, stops: Stops) -> None:
    """Hold what a pause or a switch stops, and let go what none stops any more; both until somebody decides."""
    mine = (outbox.c.campaign == wanted.campaign, outbox.c.channel == wanted.channel)
    since = stamp(wanted.now)
    marked = MARKED if wanted.channel not in BY_PEOPLE else (*MARKED, NoticeState.CLEARED)
    asked = {"of_campaign": wanted.campaign, "of_channel": wanted.channel, "since": since}
    if not (stops.scopes or stops.killed):
        _tell(connection, connection.execute(_LET_GO, asked).all(), NoticeState.PLANNED, since)
        return
    killed, paused = stops.killed_rows(), stops.paused()
    free = connection.execute(_LET_GO.where(~killed, ~paused), asked).all()
    _tell(connection, free, NoticeState.PLANNED, since)
    held = {"state": NoticeState.HELD, "state_at": since, "next_at": None, "lease_until": None, "digest_of": None}
    stood = 0
    for code, stopped in ((KILLED, killed), (PAUSED, and_(paused, ~killed))):
        if stops.killed if code == KILLED else stops.scopes:
            anew = or_(outbox.c.state != NoticeState.HELD, outbox.c.code.is_distinct_from(code))
            found = update(outbox).where(*mine, outbox.c.state.in_(marked), anew, stopped).returning(*TOLD)
            rows = connection.execute(found.values(**held, code=code)).all()
            _tell(connection, rows, NoticeState.HELD, since, code)
            stood += len(rows)
    if stood:  # what stood in a message that is held now goes by itself
        first = select(outbox.c.notice_id).where(*mine, outbox.c.state == NoticeState.HELD, outbox.c.next_at.is_(None))
        alone = update(outbox).where(*mine, outbox.c.state.in_(MARKED), outbox.c.digest_of.in_(first))
        connection.execute(alone.values(digest_of=None))


def _tell(connection: Connection, rows: Sequence[Any], state: NoticeState, since: str, code: str | None = None) -> None:
    """Write down what a pause, a switch or the end of one made of some rows."""
    journal.write(connection, [journal.entry(row, row.attempts, state, since, code) for row in rows])


def _next_rows(states: Sequence[NoticeState], *free: ColumnElement[bool]) -> Select[Any]:
    """Return the query for the next rows that are due, oldest first; each state by itself, in an index's order."""
    mine = and_(
        outbox.c.campaign == bindparam("of_campaign"),
        outbox.c.channel == bindparam("of_channel"),
        ALONE,
        ~silenced(),
        *free,
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


def _query(wanted: Claim, stops: Stops) -> Select[Any]:
    """Return the query for a channel; what is stopped is held by now, but for attempts of which nobody knows."""
    if wanted.unknown != RESEND:
        return _NEXT
    if not (stops.scopes or stops.killed):
        return _NEXT_OR_UNKNOWN
    return _next_rows((*RETRIED, NoticeState.UNKNOWN), not_(stops.killed_rows()), not_(stops.paused()))


def _judged(connection: Connection, rows: Sequence[Any], campaign: str) -> list[Candidate]:
    persons = {row.person: None for row in rows if row.person is not None and row.optional}
    declined: dict[tuple[str | None, str | None, str], None] = {}
    if persons:
        asked = (opt_outs.c.campaign == campaign, in_list(opt_outs.c.person, persons))
        found = connection.execute(select(opt_outs.c.person, opt_outs.c.student, opt_outs.c.school).where(*asked))
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
            opted_out=bool(declined)
            and any(wish in declined for wish in wishes_about(row.person, row.recipient, row.stream)),
        )
        for row in rows
    ]


def _cleared(kinds: Mapping[str, Verdict], candidate: Candidate) -> bool:
    verdict = kinds.get(candidate.notice_id)
    return verdict is not None and verdict.kind is Kind.CLEAR


def _hold_back(
    connection: Connection, rows: Sequence[Any], kinds: Mapping[str, Verdict], now: datetime
) -> Counter[NoticeState]:
    """Write down what is held, denied or expired; return how many came to each.

    What waits past its occasion is looked at when that comes. What stands in the message of a held row waits with it,
    and goes by itself where that row is over. Of an attempt of which nobody knows only the hour of the next look
    changes: what is over is not sent again, and stays unknown until somebody says.
    """
    verdicts = {name: verdict for name, verdict in kinds.items() if verdict.kind is not Kind.CLEAR}
    back = [(row, verdicts[row.notice_id]) for row in rows if row.notice_id in verdicts]
    alone: list[dict[str, Any]] = []
    for member in _members(connection, [row.notice_id for row, _ in back if row.tries]):
        verdict = verdicts[member.digest_of]
        if verdict.kind is Kind.HOLD or member.state == NoticeState.UNKNOWN:
            back.append((member, verdict))
        else:
            alone.append({"of_notice": member.notice_id, "digest_of": None})
    changes: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    counted: Counter[NoticeState] = Counter()
    for row, verdict in back:
        until = None if verdict.until is None else stamp(verdict.until)
        until = until if row.not_after is None or until is None else min(until, row.not_after)
        change = {"of_notice": row.notice_id, "next_at": until}
        if row.state == NoticeState.UNKNOWN:
            changes.append({**change, "state": row.state, "state_at": row.state_at, "code": row.code})
            counted[NoticeState.HELD] += 1
            continue
        state = STATES[verdict.kind]
        counted[state] += 1
        goes_on = row.state == state and row.code == verdict.code
        since = row.state_at if goes_on else stamp(now)
        changes.append({**change, "state": state, "state_at": since, "code": verdict.code})
        if not goes_on:
            entries.append(journal.entry(row, row.attempts, state, stamp(now), verdict.code))
    if changes:
        connection.execute(CHANGE_ROW, changes)
        journal.write(connection, entries)
    if alone:
        connection.execute(CHANGE_ROW, alone)
    return counted


def _members(connection: Connection, leaders: Sequence[str]) -> list[Any]:
    """Return what waits in the messages of some rows."""
    if not leaders:
        return []
    waits = outbox.c.state.in_((*MARKED, NoticeState.UNKNOWN))
    query = select(outbox).where(in_list(outbox.c.digest_of, leaders), waits)
    return whole_rows(connection.execute(query.order_by(outbox.c.planned_at, outbox.c.notice_id)))


_CLEAR: Final = (
    update(outbox)
    .where(in_named(outbox.c.notice_id, "names"))
    .values(
        state=NoticeState.CLEARED,
        state_at=bindparam("since"),
        lease_until=bindparam("until"),
        next_at=None,
        code=case((outbox.c.state == NoticeState.HELD, None), else_=outbox.c.code),
    )
)


def _leases(wanted: Claim) -> dict[NoticeClass, datetime]:
    """Return until when rows may be begun: never into the quiet hours, or into another day than they are judged for."""
    until = wanted.now + wanted.tries.lease
    ends = {kind: cleared_until(wanted.rules, kind, wanted.now) for kind in NoticeClass}
    return {kind: until if end is None else min(until, end) for kind, end in ends.items()}


def _lease(row: Any, leases: Mapping[NoticeClass, datetime]) -> datetime:
    return leases[class_of(row.purpose, row.recipient, optional=row.optional)]


def _clear(connection: Connection, rows: Sequence[Any], wanted: Claim) -> None:
    by_people = wanted.channel in BY_PEOPLE
    leases = _leases(wanted)
    names: dict[datetime, list[str]] = {}
    for row in rows:
        names.setdefault(_lease(row, leases), []).append(row.notice_id)
    for until, some in sorted(names.items()):
        ends = None if by_people else stamp(until)
        connection.execute(_CLEAR, {"names": sorted(some), "since": stamp(wanted.now), "until": ends})


# -- messages ---------------------------------------------------------------------------------------------------


def _messages(connection: Connection, rows: Sequence[Any], wanted: Claim) -> list[Claimed]:
    """Return what was cleared, the notices of one message behind its first: staff is told several things at once."""
    members = _kept_together(connection, rows, wanted)
    firsts: dict[str, str] = {}
    leaders: dict[str, str] = {}
    for row in rows:
        if row.purpose not in wanted.rules.digest_purposes or row.tries or "@" not in row.recipient:
            continue
        first = firsts.setdefault(row.recipient, row.notice_id)
        if first != row.notice_id:
            leaders[row.notice_id] = first
    changed = [row.notice_id for row in rows if row.notice_id in leaders or row.digest_of is not None]
    if changed:
        connection.execute(CHANGE_ROW, [{"of_notice": name, "digest_of": leaders.get(name)} for name in changed])
    for row in rows:
        if row.notice_id in leaders:
            members.setdefault(leaders[row.notice_id], []).append(row)
    leases = _leases(wanted)
    claimed: list[Claimed] = []
    for row in rows:
        if row.notice_id not in leaders:
            claimed.append(_claimed(row, None, leases))
            claimed += [_claimed(member, row.notice_id, leases) for member in members.get(row.notice_id, ())]
    return claimed


def _claimed(row: Any, leader: str | None, leases: Mapping[NoticeClass, datetime]) -> Claimed:
    claimed = claimed_of(row, row.attempts + 1, _lease(row, leases))
    return claimed if claimed.digest_of == leader else claimed._replace(digest_of=leader)


def _kept_together(connection: Connection, rows: Sequence[Any], wanted: Claim) -> dict[str, list[Any]]:
    """Take those along that stood in a message that is tried again: it is the same message."""
    again = [row.notice_id for row in rows if row.tries and row.purpose in wanted.rules.digest_purposes]
    found = _members(connection, again)
    _clear(connection, found, wanted)
    members: dict[str, list[Any]] = {}
    for row in found:
        members.setdefault(row.digest_of, []).append(row)
    return members
