"""A small campaign's record with notices that were sent on several days, settled and signed, in a real ledger."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "ledger"))  # for `ledger_samples`
from audit_log_tools import sealed
from audit_small_log import AT_SCHOOL, CAMPAIGN, Book, Streams, good
from bundle_maker import KEY, NOW
from ledger_samples import put, route, send_next

from audit.heads import Headed, make_head
from domain.notices import EMAIL, NoticeState, notice_id_of
from domain.parent_meetings_events import HouseholdInvited
from domain.sending_events import NoticesSettled
from domain.time import at
from ledger.handover import Outcome, Tries
from ledger.store import Ledger

BOARD = {"status": "running", "clock": "engine", "paused": False, "paused_schools": [], "schools": {}}
TRIES = Tries(lease=timedelta(minutes=10), pauses=(timedelta(minutes=1), timedelta(hours=20), timedelta(hours=30)))

FLAT_DAY = date(2026, 12, 7)
"""Settled as days were before each was a tree."""
DAYS = (date(2026, 12, 8), date(2026, 12, 9))
"""Settled, and under the head."""
NEW_DAY = date(2026, 12, 10)
"""Settled after the head."""
OPEN_DAY = date(2026, 12, 11)
"""Not settled."""


MEETINGS, SESSION = f"{AT_SCHOOL}/parent-meetings", "session-1"


def pupil(number: int) -> str:
    """Return a pupil's reference: one whom the rest of the record does not know."""
    return f"stu_{900_000 + number}"


def name_of(number: int) -> str:
    """Return the id of the invitation of a pupil's household."""
    return notice_id_of(MEETINGS, "meeting_invitation", pupil(number), SESSION)


OLD, TWICE, OTHER, LATE, RUNNING, WAITING = map(name_of, (1, 2, 3, 30, 31, 32))
"""Sent on the flat day; tried on both settled days; sent on the first one; on the new day; on the open day; never."""


async def write_record(ledger: Ledger) -> Headed:
    """Send, settle and sign; return the record under its one head, the new day's event after it.

    Nine notices go out on the first settled day, of which one fails twice and goes out on the second, with two more.
    """
    streams = sealed(good())
    for stream, events in streams.items():
        await ledger.append(events, [], BOARD if stream == CAMPAIGN else {})
    await _send(ledger, streams, FLAT_DAY, [1])
    await _settle(ledger, streams, FLAT_DAY, flat=True)
    await _send(ledger, streams, DAYS[0], range(2, 11), failing=TWICE)
    await _again(ledger, at(DAYS[0], time(12)), NoticeState.FAILED_TEMPORARY)
    await _settle(ledger, streams, DAYS[0])
    await _send(ledger, streams, DAYS[1], [11, 12])
    await _settle(ledger, streams, DAYS[1])
    headed = await make_head(ledger, CAMPAIGN, KEY, "engine", NOW)
    await _send(ledger, streams, NEW_DAY, [30])
    await _settle(ledger, streams, NEW_DAY)
    await _send(ledger, streams, OPEN_DAY, [31])
    await _plan(ledger, streams, [32])
    return headed


async def _plan(ledger: Ledger, streams: Streams, numbers: Iterable[int]) -> None:
    """Invite households; each invitation plans a notice."""
    book = Book(streams)
    invited = [
        book.write(MEETINGS, HouseholdInvited(session=SESSION, student=pupil(number)), "2026-12-01 09:00")
        for number in numbers
    ]
    await put(ledger, invited)
    await route(ledger, EMAIL, campaign=CAMPAIGN, person="gdn_000001")


async def _send(ledger: Ledger, streams: Streams, day: date, numbers: Iterable[int], failing: str = "") -> None:
    await _plan(ledger, streams, numbers)
    now = at(day, time(9))
    begun = await send_next(ledger, now, tries=TRIES, campaign=CAMPAIGN)
    await _end(ledger, begun, now, {failing: NoticeState.FAILED_TEMPORARY})


async def _again(ledger: Ledger, now: datetime, state: NoticeState) -> None:
    begun = await send_next(ledger, now, tries=TRIES, campaign=CAMPAIGN)
    await _end(ledger, begun, now, dict.fromkeys((row.notice_id for row in begun), state))


async def _end(ledger: Ledger, begun: Any, now: datetime, states: dict[str, NoticeState]) -> None:
    outcomes = [
        Outcome(
            row.notice_id,
            row.number,
            states.get(row.notice_id, NoticeState.ACCEPTED),
            now + timedelta(minutes=1),
            provider_id=f"msg-{row.notice_id[-6:]}",
        )
        for row in begun
    ]
    await ledger.outbox.settle(outcomes, TRIES)


async def _settle(ledger: Ledger, streams: Streams, day: date, *, flat: bool = False) -> None:
    """Tie a day to the chain as the dispatcher and the campaign's stream do."""
    record = await ledger.outbox.day_record(CAMPAIGN, EMAIL, day)
    digest = record.digest
    if flat:
        rows = [row for row in await ledger.outbox.journal(OLD) if row.pop("seq")]
        lines = sorted(dumps(row, sort_keys=True, separators=(",", ":")) for row in rows)
        digest = sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    event = NoticesSettled(channel=EMAIL, day=day, rows=record.rows, digest=digest, states=record.states)
    envelope = Book(streams).write(CAMPAIGN, event, f"{day + timedelta(days=1)} 01:30")
    await ledger.append([envelope], [], BOARD)
