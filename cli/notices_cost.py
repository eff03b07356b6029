"""`notices forecast`: what text messages have cost, what waits, what is still to come, against the limit (B23)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from rich.table import Table

from activities.sending_policy import SendingPolicies
from cli.options import CampaignName, Face, say
from cli.rooms import Rooms
from domain.message_cost import PURPOSES_OF, Forecast, OpenStage, expected, used_segments, yuan
from domain.notices import SMS, WAITING, NoticeState
from domain.time import SHANGHAI
from notices.catalogue import LANGUAGES, Catalogue, catalogue
from notices.segments import MOST_SEGMENTS

_FACE = Face()
OVER: Final = ("completed", "skipped", "archived")
"""A stage of which nothing more is foreseen."""

_WAITS: Final = tuple(state for state in WAITING if state != NoticeState.UNKNOWN)


async def forecast(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Show the segments of text messages: used, waiting, still to come, what they cost, and what the limit leaves."""
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign)
        outbox = (await rooms.ledger()).outbox
        parameters = (await SendingPolicies(outbox).of(campaign)).parameters
        rows = await outbox.find(campaign)
        lines = await outbox.backlog(campaign, datetime.now(SHANGHAI))
    foreseen = Forecast(
        used=used_segments(lines, MOST_SEGMENTS),
        waiting=waiting(rows, catalogue()),
        expected=expected(open_stages(board, rows), most_segments(catalogue())),
        limit=parameters.sms_segments_limit,
        price_milliyuan=parameters.sms_price_milliyuan,
    )
    data = {"campaign": campaign, **as_data(foreseen)}
    face.show(data, lambda: _shown(data))
    return 0


def waiting(rows: Iterable[Mapping[str, Any]], templates: Catalogue) -> int:
    """Return the segments of text messages that wait, by what their templates declare; unknown ones count as used."""
    known = most_segments(templates)
    waits = (row for row in rows if row["channel"] == SMS and row["state"] in _WAITS)
    return sum(known.get(row["purpose"], 0) for row in waits)


def most_segments(templates: Catalogue) -> dict[str, int]:
    """Return purpose → the most segments of its text message, in whichever language is longer."""
    return {
        template.purpose: max(template.segments(lang) or 0 for lang in LANGUAGES)
        for template in templates.newest
        if template.segments("zh") is not None
    }


def open_stages(board: Mapping[str, Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]) -> list[OpenStage]:
    """Return the stages that are not over, with their schools' pupils and the households that are written to already.

    Args:
        board: of the campaign.
        rows: of its outbox.
    """
    told: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        told.setdefault((row["stream"], row["purpose"]), set()).add(row["recipient"])
    found = []
    for stream, view in board.items():
        stage = view.get("stage")
        if stage is None or view["status"] in OVER:
            continue
        school = stream.rpartition("/")[0]
        planned = {purpose: len(told.get((stream, purpose), ())) for purpose in PURPOSES_OF.get(stage, ())}
        found.append(OpenStage(stage, board[school]["pupils"], planned))
    return found


def as_data(foreseen: Forecast) -> dict[str, Any]:
    """Return a forecast as JSON: segments as whole numbers, amounts in yuan as exact text."""
    counts = {
        "used": foreseen.used,
        "waiting": foreseen.waiting,
        "expected": foreseen.expected,
        "total": foreseen.total,
    }
    return {
        "segments": counts,
        "price_milliyuan": foreseen.price_milliyuan,
        "yuan": {name: yuan(foreseen.cost(count)) for name, count in counts.items()},
        "limit": foreseen.limit,
        "left": foreseen.left,
        "missing": foreseen.missing,
    }


def _shown(data: Mapping[str, Any]) -> Table:
    limit = (
        say("没有上限", "no limit")
        if data["limit"] is None
        else say(
            f"上限 {data['limit']} 条，剩余 {data['left']} 条，预计不足 {data['missing']} 条",
            f"limit {data['limit']}, left {data['left']}, foreseen beyond it {data['missing']}",
        )
    )
    table = Table(say("短信", "text messages"), say("条", "segments"), say("元", "yuan"), caption=limit)
    names = {
        "used": say("已用", "used"),
        "waiting": say("待发", "waiting"),
        "expected": say("预计还有", "still to come"),
        "total": say("合计", "in all"),
    }
    for name, label in names.items():
        table.add_row(label, str(data["segments"][name]), data["yuan"][name])
    return table
