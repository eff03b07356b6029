"""A whole year on the stepped clock, its mails in a local sink, and the proof of its record: what it came to."""

from __future__ import annotations

import contextlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from audit.counts import Recorded, recorded
from audit.invariants import check_campaign
from audit.replay import replay
from cli.house import House
from cli.options import note
from cli.year_progress import showing
from cli.year_topics import topics
from client import CampaignClient
from domain.calendar import Calendar, CalendarUnknown
from domain.notices import BY_PEOPLE, EMAIL, GONE_OUT, WAITING, NoticeState
from domain.policy import profile
from domain.settlement import settle
from domain.stage_events import StageSlug
from gateway import keys
from ledger.store import Ledger
from notices.sink import Sink
from registry.campaign_file import load_campaign
from registry.database import PEPPER_BYTES, load_pepper
from registry.store import Registry
from rehearsal.families import FamilyGateway
from rehearsal.year import run_year
from settings import Settings

SENDING_ENDS: Final = timedelta(seconds=120)
NO_CHANNEL: Final = "none"
BY_NIGHT: Final = "QUIET_HOURS"
SIDE_BY_SIDE: Final = ("compliant", "legacy")
"""Profiles of the trial settlement: today's rules, and the historical ones that nobody may pay by."""

CHANNELS: Final = (EMAIL, *BY_PEOPLE)
"""The ways out of a rehearsed year: mails into the sink, and the lists of those who call and hand over letters."""


Ending = Callable[[Client, Ledger, str], Awaitable[dict[str, Any]]]
"""What is done last with engine, ledger and campaign, and adds to the totals."""


async def whole_year(
    settings: Settings, lock: int | None, directory: Path, seed: int, *, ending: Ending | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a directory's year: commands, mails, settlement, replay.

    Every mail goes to a server in this process, on loopback: nothing leaves, whatever addresses the files have.

    Args:
        settings: a data directory of the year's own.
        lock: what `take_lock` returned for it, None takes it.
        directory: the campaign's files.
        seed: of the references, the family gateway's secret, and what simulated people do.
        ending: what is done last, while the engine is still there.

    Returns:
        The year's totals, and those that only a rehearsal tells.
    """
    note("正在启动引擎、工作进程和本地邮件接收端", "starting engine, worker and a local mail sink")
    campaign = load_campaign(directory).campaign
    gateway = _seeded_gateway(settings.gateway_key, seed)
    _seeded(settings.data / "pepper", f"{seed}/pepper", PEPPER_BYTES)  # digests of what was sent repeat with it
    async with Sink(repeatable=True) as sink:
        mail = {"DIVERSION_SMTP_URL": sink.url, "DIVERSION_SMTP_FROM": "bureau@example.invalid"}
        async with (
            House(settings, lock=lock, worker_environment=mail, rehearsal=True) as house,
            _opened(settings) as (ledger, registry),
        ):
            client = CampaignClient(house.client, ledger)

            async def counting(moment: datetime) -> dict[str, Any]:
                return settled_fields(await recorded(ledger, campaign, moment))

            with showing() as progress:
                run = await run_year(
                    client,
                    registry,
                    directory,
                    seed=seed,
                    gateway=gateway,
                    counting=counting,
                    channels=CHANNELS,
                    progress=progress,
                )
            ended = await client.sending.finish(campaign, SENDING_ENDS, CHANNELS)
            note("正在重放全部历史并与台账核对", "replaying all histories against the ledger")
            report = await replay(ledger, campaign, house.client)
            kept = await check_campaign(ledger, campaign)
            board = await ledger.board(campaign)
            first = (await anext(ledger.events(campaign)))["data"]
            notices = await ledger.outbox.find(campaign)
            held = await ledger.outbox.held_and_sent(campaign, BY_NIGHT)
            counts = await ledger.counts(campaign)
            found = await recorded(ledger, campaign)
            by_topic = await topics(ledger, campaign)
            ended_with = await ending(house.client, ledger, campaign) if ending is not None else {}
    totals = {
        "campaign": campaign,
        "schools": len(first["schools"]),
        "pupils": sum(school["pupils"] for school in first["schools"]),
        "events": counts["events"],
        "notices": counts["notices"],
        "notices_by_purpose": counted(notices, "purpose"),
        "notices_by_state": counted(notices, "state"),
        "outbox": by_channel(notices),
        "notices_not_accepted": not_accepted(notices),
        "held_overnight": held,
        "all_sent": ended and not any(notice["state"] in WAITING for notice in notices),
        "mails": len(sink.mails),
        "refusals": dict(sorted(run.refusals.items())),
        "stages": completed(board),
        "destinations": summed(board, "steps"),
        "retention": summed(board, "retention"),
        **by_topic,
        "settlement": {name: settle(found.classes, profile(name)).as_data()["county"] for name in SIDE_BY_SIDE},
        "settlement_runs": board[campaign].get("settlement", {}),
        "invariants_ok": kept.ok,
        "invariants": {
            "checked": len(kept.checked),
            "broken": {one.invariant.id: one.breaches for one in kept.checked if one.breaches},
        },
        "ledger_verified": report.ledger_ok,
        "histories": report.histories + report.live_unreached,
        "replayed": report.histories,
        "replay_ok": report.replay_ok and report.live_unreached == 0,
        "differences": [difference.model_dump(mode="json") for difference in report.differences],
        **ended_with,
    }
    more = {
        "notices_by_channel": counted(notices, "channel"),
        "notices_by_week": by_week(notice["planned_at"] for notice in notices),
        "collisions": collisions(first["stages"], Calendar.model_validate(first["calendar"])),
    }
    return totals, more


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Ledger, Registry]]:
    ledger = await Ledger.open(settings.ledger_url)
    registry = await Registry.open(settings.registry_url, load_pepper(settings.data / "pepper"))
    try:
        yield ledger, registry
    finally:
        await ledger.close()
        await registry.close()


def _seeded_gateway(secret: Path, seed: int) -> FamilyGateway:
    """Give the year's own gateway a secret that repeats, and return what signs with it."""
    _seeded(secret, f"{seed}/gateway", keys.SECRET_BYTES)
    return FamilyGateway.of(keys.signing_key(keys.load_secret(secret)))


def _seeded(secret: Path, seed: str, length: int) -> None:
    """Make a secret that repeats, its owner's alone, where there is none."""
    if not secret.exists():
        secret.parent.mkdir(parents=True, exist_ok=True)
        drawn = random.Random(seed).randbytes(length)  # noqa: S311 - must repeat
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(drawn)


def settled_fields(found: Recorded) -> dict[str, Any]:
    """Return what `compute_settlement` takes of the record."""
    return found.fields


def counted(rows: Sequence[Mapping[str, Any]], column: str) -> dict[str, int]:
    """Return how many rows have each value of a column, in the order of values."""
    return dict(sorted(Counter(str(row[column]) for row in rows).items()))


def not_accepted(notices: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return why notices did not go out, code → number; `cleared` stands on a person's list."""
    left = (notice for notice in notices if notice["state"] not in GONE_OUT)
    listed = NoticeState.CLEARED
    why = (listed if notice["state"] == listed else notice["code"] or notice["state"] for notice in left)
    return dict(sorted(Counter(map(str, why)).items()))


def by_channel(notices: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return channel → state → how many notices; what no channel was found for stands under `NO_CHANNEL`."""
    found: dict[str, Counter[str]] = {}
    for notice in notices:
        found.setdefault(notice["channel"] or NO_CHANNEL, Counter())[notice["state"]] += 1
    return {channel: dict(sorted(found[channel].items())) for channel in sorted(found)}


def summed(board: Mapping[str, Mapping[str, Any]], part: str) -> dict[str, int]:
    """Return the sums over all streams of a part of the board's lines that holds counts."""
    total: Counter[str] = Counter()
    for view in board.values():
        total.update(view.get(part, {}))
    return dict(total)


def completed(board: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return how many schools have completed each stage; an archived one counts by its judgement of on time."""
    done = Counter(
        view["stage"]
        for view in board.values()
        if view.get("stage") is not None
        and (view["status"] == "completed" or (view["status"] == "archived" and view["on_time"] is not None))
    )
    return {slug.value: done[slug.value] for slug in StageSlug}


def by_week(instants: Iterator[str]) -> dict[str, int]:
    """Return how many fall into each ISO week, in order: `{"2024-W48": 12}`."""
    weeks: Counter[str] = Counter()
    for instant in instants:
        week = date.fromisoformat(instant[:10]).isocalendar()
        weeks[f"{week.year}-W{week.week:02d}"] += 1
    return dict(sorted(weeks.items()))


def collisions(stages: Mapping[str, Mapping[str, str]], calendar: Calendar) -> list[dict[str, str]]:
    """Return the due dates that fall on no working day, or into a year that is not published."""
    found: list[dict[str, str]] = []
    for stage, window in stages.items():
        try:
            working = calendar.is_working_day(date.fromisoformat(window["due"]))
        except CalendarUnknown:
            found.append({"stage": stage, "due": window["due"], "code": "CALENDAR_UNKNOWN"})
            continue
        if not working:
            found.append({"stage": stage, "due": window["due"], "code": "DUE_NOT_WORKING_DAY"})
    return found
