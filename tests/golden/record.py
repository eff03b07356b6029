"""Record the golden histories of a release: once, before their first commit, and never again (see README.md).

Runs two small campaigns on embedded engines of its own, one on the stepped clock and one on the engine's, and writes
each workflow's history while it is open, when it has continued as new, and when it has closed, into a directory of
the release's own. The first release also breaks two copies on purpose. It refuses to overwrite anything.

    python tests/golden/record.py 0.1.0
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import sys
import tempfile
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "workflows")]

from workflows_house import (  # noqa: E402
    APPROVER,
    FIRST,
    KINDS,
    LEADER,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    Campaign,
    House,
    act,
    eventually,
    house_in,
    relative,
)

from cli.run_main import run_main  # noqa: E402
from domain.actors import ANONYMOUS, Actor, Role  # noqa: E402
from domain.calendar import Calendar, CalendarYear  # noqa: E402
from domain.events import digest  # noqa: E402
from domain.stage_events import StageSlug  # noqa: E402
from domain.time import civil  # noqa: E402
from engine import EmbeddedEngine, export_history  # noqa: E402
from ledger.histories import appended, run_start  # noqa: E402
from protocol import ACTIVITY_APPEND  # noqa: E402
from registry.draft import Draft  # noqa: E402
from rehearsal.county import make_county  # noqa: E402
from rehearsal.driver import Driver, Planned  # noqa: E402
from rehearsal.year import plan_year  # noqa: E402

HISTORIES, BROKEN = HERE / "histories", HERE / "broken"
PUPILS = 10
LOW = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=60")
"""The suggestion stands in the history, so that a replay follows it."""

WITHIN = timedelta(seconds=60)
WATCHED, CASES = "attendance", ("dropout", "compliance")
ALL_THE_TIME = tuple(kind for kind in KINDS if kind != WATCHED)
"""Kinds of streams that are open from the approval to the end of a campaign."""

SATURDAY = 5
DISCIPLINE = Actor(id="stf_discipline", role=Role.DISCIPLINE_OFFICER, organisation="bureau")
REGISTER = Actor(id="stf_register", role=Role.REGISTER_OFFICER, organisation="bureau")
AT_ANY_HOUR = {"daily_report_reminder": "23:57", "daily_report_due": "23:58", "daily_report_missed": "23:59"}
"""Hours of the daily report that let the recording of an attendance begin at any time of the day."""

IN_MARCH, IN_JUNE = date(2025, 3, 12), date(2025, 6, 13)
"""Days of the rehearsed year on which a pupil stays away, and on which a complaint is looked into."""


def write(path: Path, text: str) -> None:
    """Write a new file; one that is there stays, and the recording ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(gzip.compress(text.encode(), mtime=0))


class Recorder:
    """Writes histories into one directory and remembers the hashes of the events that each gave to the ledger."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.streams: dict[str, dict[str, Any]] = {}

    def keep(self, name: str, workflow_id: str, text: str) -> None:
        """Write one history."""
        history = json.loads(text)
        self.streams[name] = {
            "workflow": workflow_id,
            "after": run_start(history).version,
            "hashes": [event["hash"] for event in appended(history, ACTIVITY_APPEND)],
        }
        write(self.directory / f"{name}.json.gz", text)

    async def keep_open(self, house: House, streams: dict[str, str], clock: str) -> None:
        """Write the histories of the workflows of some kinds (kind → its stream) as they stand."""
        for kind, stream in streams.items():
            run = (await house.handle(stream).describe()).run_id
            _, text = await export_history(house.engine, stream, run)
            self.keep(f"{clock}-{kind}-open", stream, text)

    async def keep_run_before(self, house: House, streams: dict[str, str], clock: str) -> None:
        """Write the histories of the runs that the present ones have continued."""
        for kind, stream in streams.items():
            run = (await house.handle(stream).describe()).run_id
            _, text = await export_history(house.engine, stream, run)
            begun = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
            _, text = await export_history(house.engine, stream, begun["continuedExecutionRunId"])
            self.keep(f"{clock}-{kind}-continued", stream, text)

    async def keep_last(self, house: House, streams: dict[str, str], clock: str) -> None:
        """Wait for the end of some workflows and write the histories of their last runs."""
        for kind, stream in streams.items():
            _, text = await asyncio.wait_for(export_history(house.engine, stream, None), WITHIN.total_seconds())
            self.keep(f"{clock}-{kind}-closed", stream, text)

    async def keep_closed(self, house: House, campaign: Campaign, streams: dict[str, str], clock: str) -> None:
        """Write histories as the archive has them: the last run, and the one before."""
        runs = await house.ledger.archived_runs(campaign.id)
        for kind, stream in streams.items():
            for state, run in zip(("closed", "continued"), reversed(runs[stream]), strict=False):
                kept = await house.ledger.archived(stream, run)
                assert kept is not None
                self.keep(f"{clock}-{kind}-{state}", stream, kept.history)


async def stepped(recorder: Recorder, directory: Path) -> None:
    """Record a rehearsed year, and its end by stop and close."""
    engine = EmbeddedEngine(directory / "engine")
    async with house_in(await engine.start(), directory) as house:
        files = directory / "county"
        make_county(files, 1, PUPILS, 1)
        plan = await plan_year(house.registry, files, 1)
        campaign = Campaign(house, plan.draft.campaign)
        async with house.worker():
            await house.client.launch(
                plan.draft, plan.author, "rehearsal-draft", clock="stepped", started_at=plan.started_at
            )
            driver = Driver(house.client, campaign.id, plan.commands, plan.started_at)
            await driver.run(stop_on=IN_MARCH)
            cases = {"dropout": await one_case(house, campaign, "dropout")}
            watched = {WATCHED: campaign.stream(WATCHED)}
            await asyncio.sleep(1)
            await recorder.keep_open(house, watched | cases, "stepped")
            await driver.run(stop_on=IN_JUNE)
            complaint = {"compliance": await one_case(house, campaign, "compliance")}
            await asyncio.sleep(1)
            await recorder.keep_open(house, streams_of(campaign) | complaint, "stepped")
            await driver.run()
            end = datetime.fromisoformat("2026-04-01T09:00:00+08:00")
            close = act("close_campaign", "close", OFFICER, reason="YEAR_OVER")
            last = (
                Planned(end, campaign.id, act("stop", "stop", OFFICER, reason="YEAR_OVER")),
                Planned(end + timedelta(hours=1), campaign.id, close),
            )
            await Driver(house.client, campaign.id, (*plan.commands, *last), plan.started_at).run()
            _, archived = await house.client.close_campaign(campaign.id, close, within=WITHIN)
            assert archived
            every = streams_of(campaign) | watched | cases | complaint
            await recorder.keep_closed(house, campaign, every, "stepped")
    await engine.stop()


async def on_the_engines_clock(recorder: Recorder, directory: Path) -> None:
    """Record a campaign with timers, runs that continue as new, refusals and signals."""
    engine = EmbeddedEngine(directory / "engine", options=LOW)
    async with house_in(await engine.start(), directory) as house, house.worker():
        campaign = await house.campaign(pupils=PUPILS, watched=False)
        await campaign.open(FIRST)
        students = await campaign.pupils()
        for number, student in enumerate(students):
            fields = {"students": [student], "help": ["STUDY"], "reason": "TEACHER_OBSERVATION"}
            await campaign.submit(FIRST, act("confirm", f"confirm-{number}", LEADER, **fields))
        foreign = PRINCIPAL.model_copy(update={"organisation": "9900010999"})
        await campaign.submit(FIRST, act("freeze", "foreign", foreign))
        await campaign.submit(FIRST, act("freeze", "freeze", LEADER))
        await make_continue(house, streams_of(campaign).values())
        await house.client.hold(campaign.id, act("pause", "pause", OFFICER, reason="EXAM_WEEK"))
        await house.client.hold(campaign.id, act("resume", "resume", OFFICER, reason="EXAM_WEEK_OVER"))
        await asyncio.sleep(2)
        await recorder.keep_open(house, streams_of(campaign), "engine")
        signed = {"command_id": "signed", "actor": PRINCIPAL.model_dump(mode="json")}
        await house.handle(campaign.stream(FIRST)).signal("stage_completed", signed)
        for slug in StageSlug:
            if slug.value != FIRST:
                await campaign.submit(slug.value, act("skip", f"skip-{slug.value}", OFFICER, reason="NOT_HELD"))
        await eventually(lambda: finished(campaign))
        close = act("close_campaign", "close", OFFICER, reason="YEAR_OVER")
        _, archived = await house.client.close_campaign(campaign.id, close, within=WITHIN)
        assert archived
        every = {kind: campaign.stream(kind) for kind in KINDS}
        await recorder.keep_closed(house, campaign, every, "engine")
    await engine.stop()


async def cases_on_the_engines_clock(recorder: Recorder, directory: Path) -> None:
    """Record attendance, a dropout case and a complaint of a campaign of their own, which goes on.

    A pupil is absent today, which a policy of its own takes for a suspicion (nobody can wait three school days here),
    and then leaves the register: that ends the case.
    """
    engine = EmbeddedEngine(directory / "engine", options=LOW)
    async with house_in(await engine.start(), directory) as house, house.worker():
        today = civil(datetime.now().astimezone())
        campaign = Campaign(house, "campaign/watched/2025")
        await house.client.launch(await watched_draft(house, today), OFFICER, "launch", clock="engine")
        await house.client.submit(campaign.id, act("approve", "approve", APPROVER))
        await campaign.ready()
        await campaign.open(FIRST)
        classes = (await house.state(campaign.stream(FIRST)))["state"]["classes"]
        [(class_id, pupils)] = classes.items()
        absent = pupils[0]
        row = {"class_id": class_id, "present": len(pupils) - 1, "unexplained": [absent]}
        await campaign.submit(WATCHED, act("file_daily_report", "report", LEADER, day=today.isoformat(), classes=[row]))
        complaint = {"complaint": "complaint-1", "about": SCHOOL, "matter": "PRESSURE"}
        await house.client.submit(campaign.id, act("complain", "complain", ANONYMOUS, **complaint))
        await eventually(lambda: both_cases(house, campaign))
        cases = {kind: await one_case(house, campaign, kind) for kind in CASES}
        every = {WATCHED: campaign.stream(WATCHED)} | cases
        await make_continue(house, every.values())
        await recorder.keep_run_before(house, every, "engine")
        await house.client.submit(cases["compliance"], act("acknowledge_case", "acknowledge", DISCIPLINE))
        await asyncio.sleep(2)
        await recorder.keep_open(house, every, "engine")
        exits = [{"student": absent, "exit": "transfer", "on": today.isoformat()}]
        await house.client.submit(campaign.stream("school"), act("record_exits", "exits", REGISTER, rows=exits))
        dismissed = act("dismiss_violation", "dismiss", DISCIPLINE, reason="NO_SIGN_FOUND")
        await house.client.submit(cases["compliance"], dismissed)
        await recorder.keep_last(house, cases, "engine")
    await engine.stop()


async def watched_draft(house: House, today: date) -> Draft:
    """Return a draft whose schools report from today on, at any hour, a school day also at a weekend."""
    draft = relative(await house.draft(pupils=PUPILS, county="watched"), today, {}, {})
    years = {year: CalendarYear() for year in range(today.year - 1, today.year + 3)}
    if today.weekday() >= SATURDAY:
        years[today.year] = CalendarYear(make_up_days=(today,))
    policy = draft.content["policy"]
    content = {
        **draft.content,
        "calendar": Calendar(version=1, years=years).model_dump(mode="json"),
        "attendance": {"first": today.isoformat(), "last": (today + timedelta(days=30)).isoformat()},
        "policy": {**policy, "parameters": {**policy["parameters"], "absence_pattern_days": 1, **AT_ANY_HOUR}},
    }
    del content["content_digest"]
    return Draft(draft.campaign, content | {"content_digest": digest(content)})


def streams_of(campaign: Campaign) -> dict[str, str]:
    """Return the streams that are open all the time, by kind."""
    return {kind: campaign.stream(kind) for kind in ALL_THE_TIME}


async def both_cases(house: House, campaign: Campaign) -> bool:
    """Tell whether the pupil's and the complaint's streams have begun."""
    board = await house.ledger.board(campaign.id)
    return all(any(f"/{kind}/" in stream for stream in board) for kind in CASES)


async def one_case(house: House, campaign: Campaign, kind: str) -> str:
    """Return the only stream of a kind of cases."""
    streams: list[str] = [stream for stream in await house.ledger.streams(campaign.id) if f"/{kind}/" in stream]
    [stream] = streams
    return stream


async def make_continue(house: House, streams: Iterable[str]) -> None:
    """Send so many signals that each workflow begins a new run."""
    names = list(streams)
    await asyncio.gather(*(house.handle(name).signal("nonsense") for name in names for _ in range(60)))
    for name in names:
        await eventually(lambda name=name: continued(house, name))


async def continued(house: House, stream: str) -> bool:
    """Tell whether a workflow is not in its first run any more."""
    return bool((await house.state(stream))["runs"] > 1)


async def finished(campaign: Campaign) -> bool:
    """Tell whether the campaign knows that no stage is unfinished."""
    return not await campaign.house.client.blockers(campaign.id)


def break_on_purpose(directory: Path) -> None:
    """Write a history with another command, which no replay accepts, and one with an altered event, which one does."""
    source = gzip.decompress((directory / f"stepped-{FIRST}-closed.json.gz").read_bytes()).decode()
    other = json.loads(source)
    appends = [event for event in other["events"] if "activityTaskScheduledEventAttributes" in event]
    appends[-1]["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "append_elsewhere"
    write(BROKEN / "another-command.json.gz", json.dumps(other))
    altered = json.loads(source)
    for event in altered["events"]:
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled and scheduled["activityType"]["name"] == ACTIVITY_APPEND:
            data = scheduled["input"]["payloads"][0]
            text = base64.b64decode(data["data"]).decode()
            data["data"] = base64.b64encode(text.replace("FAMILY_DISAGREES", "FAMILY_AGREES").encode()).decode()
    assert altered != json.loads(source)
    write(BROKEN / "altered-event.json.gz", json.dumps(altered))


async def main() -> int:
    """Record everything."""
    if len(sys.argv) != 2 or not sys.argv[1].replace(".", "").isalnum():
        print("Name the release: python tests/golden/record.py 0.1.0", file=sys.stderr)  # noqa: T201
        return 2
    directory = HISTORIES / sys.argv[1]
    if directory.exists():
        print(f"{directory.name} is recorded already, and is never recorded again (README.md).", file=sys.stderr)  # noqa: T201
        return 1
    recorder = Recorder(directory)
    with tempfile.TemporaryDirectory() as place:
        await stepped(recorder, Path(place) / "stepped")
        await cases_on_the_engines_clock(recorder, Path(place) / "cases")
        await on_the_engines_clock(recorder, Path(place) / "engine")
    with (directory / "streams.json").open("x") as file:
        file.write(json.dumps(recorder.streams, indent=1, sort_keys=True) + "\n")
    if not BROKEN.exists():
        break_on_purpose(directory)
    size = sum(path.stat().st_size for path in directory.iterdir())
    print(f"{len(recorder.streams)} histories, {size} bytes")  # noqa: T201
    return 0


if __name__ == "__main__":
    run_main(main)
