"""What a batch tells beside its outcomes: receipts for the record, a finished day, and the backlog as metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from temporalio import activity

from domain.notices import PAPER, UNROUTED
from domain.time import civil, stamp
from ledger.handover import Backlog, Receipt
from ledger.outbox import Outbox

WAITING: Final = "diversion_notices_waiting"
OLDEST_DUE: Final = "diversion_notices_oldest_due_seconds"

STRAGGLERS: Final = timedelta(hours=1)
"""A row that is stamped before midnight may be written after it; on a stepped clock none is."""


def receipts_of(receipts: Sequence[Receipt]) -> list[dict[str, Any]]:
    """Return receipts as the campaign's stream takes them: references, states and codes."""
    return [
        {
            "receipt_id": one.receipt_id,
            "notice": one.notice_id,
            "state": str(one.state),
            "at": stamp(one.at),
            "code": one.code,
        }
        for one in receipts
    ]


async def day_of(
    outbox: Outbox,
    campaign: str,
    channel: str,
    now: datetime,
    settled: date | None,
    wait: timedelta = STRAGGLERS,
    *,
    closing: bool = False,
) -> dict[str, Any] | None:
    """Return the record of the first civil day that is over and not tied to the chain yet, None where there is none.

    Args:
        outbox: whose journal.
        campaign: whose day.
        channel: which of its channels.
        now: the present; its own day is not over.
        settled: the last day that is tied to the chain.
        wait: how long a day that is over is left alone; what was stamped before midnight may be written after it.
        closing: the campaign ends: the running day is settled too, and what is still written stands under the next.
    """
    before = civil(now) + timedelta(days=1) if closing else civil(now - wait)
    day = await outbox.first_unsettled(campaign, channel, before, settled)
    if day is None:
        return None
    record = await outbox.day_record(campaign, channel, day)
    return {"day": day.isoformat(), "rows": record.rows, "digest": record.digest, "states": dict(record.states)}


def measure(campaign: str, channel: str, lines: Sequence[Backlog], now: datetime) -> None:
    """Set the gauges of a channel's backlog: how many notices wait on it, and how long the oldest does.

    Each dispatcher speaks of its own channel alone, also when nothing waits any more: what another one had said of it,
    under the label of another queue, nobody would take back. What has no channel yet is told with the letters on paper,
    which every campaign that sends has.

    Args:
        campaign: whose; a label, as its id names a county and a year and nobody.
        channel: whose dispatcher this is.
        lines: of the backlog.
        now: the present.
    """
    by_channel = {line.channel: line for line in lines}
    meter = activity.metric_meter()
    waiting = meter.create_gauge(WAITING, "notices that wait on a channel")
    oldest = meter.create_gauge_float(OLDEST_DUE, "how long the oldest due notice waits", "s")
    for name in (UNROUTED, PAPER) if channel == PAPER else (channel,):
        line = by_channel.get(name)
        due = None if line is None else line.oldest_due_at
        about = {"campaign": campaign, "channel": name}
        waiting.set(0 if line is None else line.waiting, about)
        oldest.set(0.0 if due is None else max(0.0, (now - due).total_seconds()), about)
