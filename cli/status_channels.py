"""The channels of a campaign's notices on the board of `status`: what waits, for whom, and how late it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.notices_view import FIGURES, UNROUTED, kill_line
from cli.options import LANG, say
from cli.stage_view import word
from domain.time import stamp
from ledger.handover import Backlog

NOT_ROUTED = "unrouted"
"""In JSON, the channel of notices whose readers nobody has looked up yet."""


def channels_data(rows: Iterable[Backlog], now: datetime | None) -> dict[str, dict[str, Any]]:
    """Return the channels' figures by their names.

    Args:
        rows: the outbox's.
        now: the present, None in a stepped campaign, where nothing is late by our clock.
    """
    return {
        row.channel or NOT_ROUTED: {
            "waiting": row.waiting,
            "held": row.held,
            "listed": row.listed,
            "in_flight": row.in_flight,
            "dead": row.dead,
            "unknown": row.unknown,
            "oldest_due_at": None if row.oldest_due_at is None else stamp(row.oldest_due_at),
            "lag_seconds": _lag(row.oldest_due_at, now),
            "segments": row.segments,
        }
        for row in rows
    }


def channels_shown(
    notices: Mapping[str, Mapping[str, Any]], killed: Sequence[Mapping[str, Any]]
) -> list[RenderableType]:
    """Return the table of channels that have something to say, and what is shut."""
    table = Table(
        say("渠道", "channel"),
        *FIGURES.values(),
        say("最久已等", "oldest waits"),
    )
    for channel, row in notices.items():
        figures = [row[name] for name in FIGURES]
        if any(figures):
            name = UNROUTED if channel == NOT_ROUTED else word(channel, LANG)
            alarming = row["dead"] or row["unknown"]
            table.add_row(name, *map(str, figures), _waited(row["lag_seconds"]), style="bold" if alarming else None)
    shown: list[RenderableType] = [table] if table.row_count else []
    return shown + [Text(kill_line(kill)) for kill in killed]


def _lag(oldest: datetime | None, now: datetime | None) -> int | None:
    return None if oldest is None or now is None else max(0, int((now - oldest).total_seconds()))


def _waited(seconds: int | None) -> str:
    return "—" if seconds is None else str(timedelta(seconds=seconds))
