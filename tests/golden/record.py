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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "workflows")]

from workflows_house import FIRST, KINDS, LEADER, OFFICER, PRINCIPAL, Campaign, House, act, eventually, house_in  # noqa: E402

from cli.run_main import run_main  # noqa: E402
from domain.stage_events import StageSlug  # noqa: E402
from engine import EmbeddedEngine, export_history  # noqa: E402
from ledger.histories import appended, run_start  # noqa: E402
from protocol import ACTIVITY_APPEND  # noqa: E402
from rehearsal.county import make_county  # noqa: E402
from rehearsal.driver import Driver, Planned  # noqa: E402
from rehearsal.year import plan_year  # noqa: E402

HISTORIES, BROKEN = HERE / "histories", HERE / "broken"
PUPILS = 10
LOW = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=60")
"""The suggestion stands in the history, so that a replay follows it."""

WITHIN = timedelta(seconds=60)


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

    async def keep_open(self, house: House, campaign: Campaign, clock: str) -> None:
        """Write the histories of all seven workflows as they stand."""
        for kind in KINDS:
            handle = house.handle(campaign.stream(kind))
            run = (await handle.describe()).run_id
            _, text = await export_history(house.engine, campaign.stream(kind), run)
            self.keep(f"{clock}-{kind}-open", campaign.stream(kind), text)

    async def keep_closed(self, house: House, campaign: Campaign, clock: str) -> None:
        """Write the histories of all seven workflows as the archive has them: the last run, and the one before."""
        runs = await house.ledger.archived_runs(campaign.id)
        for kind in KINDS:
            stream = campaign.stream(kind)
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
            await Driver(house.client, campaign.id, plan.commands, plan.started_at).run()
            await asyncio.sleep(1)
            await recorder.keep_open(house, campaign, "stepped")
            end = datetime.fromisoformat("2026-04-01T09:00:00+08:00")
            close = act("close_campaign", "close", OFFICER, reason="YEAR_OVER")
            last = (
                Planned(end, campaign.id, act("stop", "stop", OFFICER, reason="YEAR_OVER")),
                Planned(end + timedelta(hours=1), campaign.id, close),
            )
            await Driver(house.client, campaign.id, (*plan.commands, *last), plan.started_at).run()
            _, archived = await house.client.close_campaign(campaign.id, close, within=WITHIN)
            assert archived
            await recorder.keep_closed(house, campaign, "stepped")
    await engine.stop()


async def on_the_engines_clock(recorder: Recorder, directory: Path) -> None:
    """Record a campaign with timers, runs that continue as new, refusals and signals."""
    engine = EmbeddedEngine(directory / "engine", options=LOW)
    async with house_in(await engine.start(), directory) as house, house.worker():
        campaign = await house.campaign(pupils=PUPILS)
        await campaign.open(FIRST)
        students = await campaign.pupils()
        for number, student in enumerate(students):
            fields = {"students": [student], "help": ["STUDY"], "reason": "TEACHER_OBSERVATION"}
            await campaign.submit(FIRST, act("confirm", f"confirm-{number}", LEADER, **fields))
        foreign = PRINCIPAL.model_copy(update={"organisation": "9900010999"})
        await campaign.submit(FIRST, act("freeze", "foreign", foreign))
        await campaign.submit(FIRST, act("freeze", "freeze", LEADER))
        handles = [house.handle(campaign.stream(kind)) for kind in KINDS]
        await asyncio.gather(*(handle.signal("nonsense") for handle in handles for _ in range(60)))
        for kind in KINDS:
            await eventually(lambda kind=kind: continued(campaign, kind))
        await house.client.hold(campaign.id, act("pause", "pause", OFFICER, reason="EXAM_WEEK"))
        await house.client.hold(campaign.id, act("resume", "resume", OFFICER, reason="EXAM_WEEK_OVER"))
        await asyncio.sleep(2)
        await recorder.keep_open(house, campaign, "engine")
        signed = {"command_id": "signed", "actor": PRINCIPAL.model_dump(mode="json")}
        await house.handle(campaign.stream(FIRST)).signal("stage_completed", signed)
        for slug in StageSlug:
            if slug.value != FIRST:
                await campaign.submit(slug.value, act("skip", f"skip-{slug.value}", OFFICER, reason="NOT_HELD"))
        await eventually(lambda: finished(campaign))
        close = act("close_campaign", "close", OFFICER, reason="YEAR_OVER")
        _, archived = await house.client.close_campaign(campaign.id, close, within=WITHIN)
        assert archived
        await recorder.keep_closed(house, campaign, "engine")
    await engine.stop()


async def continued(campaign: Campaign, kind: str) -> bool:
    """Tell whether a workflow is not in its first run any more."""
    return bool((await campaign.house.state(campaign.stream(kind)))["runs"] > 1)


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
