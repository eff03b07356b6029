import asyncio
import sqlite3
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from bundle_maker import exported

import worker
from audit import runs
from audit.replay import ReplayReport, replay
from audit.verifier.verify_bundle import Verdict
from client import CampaignClient, actor_for
from domain.actors import ANONYMOUS
from engine import EmbeddedEngine
from ledger.store import Ledger
from registry.database import load_pepper
from registry.draft import prepare
from registry.references import References
from registry.store import Registry
from rehearsal.county import make_county

SHORT_RUNS = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=60")
"""Continue as new after sixty history events, so that a small campaign has streams of several runs."""

EMPTY_STAGES = ("parent-meetings", "school-visits", "application-filing", "retention")


@dataclass
class Year:
    """A small campaign that ran from launch to close, audited on the way; its engine is gone."""

    directory: Path
    campaign: str = ""
    live: ReplayReport | None = None
    without_client: ReplayReport | None = None
    without_worker: ReplayReport | None = None
    closed: ReplayReport | None = None
    everything_archived: bool = False
    running: Verdict | None = None

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.directory / "ledger.db"

    @property
    def bundle(self) -> Path:
        """The bundle that was written while the campaign went on."""
        return self.directory / "running.zip"

    def copy_to(self, path: Path) -> Path:
        """Copy the ledger, with what its write-ahead log still holds, into a file that a test may damage."""
        with sqlite3.connect(self.ledger) as source, sqlite3.connect(path) as target:
            source.backup(target)
        source.close()
        target.close()
        return path


@pytest_asyncio.fixture(scope="session")
async def year(tmp_path_factory):
    """Two schools and forty pupils: launch, approve, identification to its end, a pause, the other stages skipped."""
    directory = tmp_path_factory.mktemp("year")
    make_county(directory / "county", 2, 40, 1)
    file = directory / "county" / "campaign.toml"  # three days of attendance reports are as good as a month of them
    file.write_text(file.read_text().replace("last = 2025-03-31", "last = 2025-03-05"))
    done = Year(directory)
    engine = EmbeddedEngine(directory, options=SHORT_RUNS)
    connection = await engine.start()
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{done.ledger}")
    registry = await Registry.open(f"sqlite+aiosqlite:///{directory}/registry.db", load_pepper(directory / "pepper"))
    try:
        draft = await prepare(registry, directory / "county", References.seeded(1))
        done.campaign = draft.campaign
        client = CampaignClient(connection, ledger)
        async with worker.build(connection, ledger, registry, failing=[Exception]):
            people = await _People.of(registry, draft.campaign)
            await _run_until_identified(client, draft, people)
            done.live = await replay(ledger, draft.campaign, connection)
            done.without_client = await replay(ledger, draft.campaign)
        with pytest.MonkeyPatch.context() as impatient:
            impatient.setattr(runs, "ANSWER_WITHIN", timedelta(seconds=1))
            done.without_worker = await replay(ledger, draft.campaign, connection)
        done.running = await exported(ledger, draft.campaign, connection, done.bundle)  # nothing moves now
        async with worker.build(connection, ledger, registry, failing=[Exception]):
            await _skip_the_rest(client, draft, people)
            command = people.command("officer", "close_campaign", "close", reason="YEAR_OVER")
            _, done.everything_archived = await client.close_campaign(
                draft.campaign, command, within=timedelta(seconds=20)
            )
            done.closed = await replay(ledger, draft.campaign, connection)
    finally:
        await engine.stop()
        await ledger.close()
        await registry.close()
    return done


class _People:
    """Who acts in the campaign, and the commands in their names."""

    def __init__(self, actors):
        self.actors = actors

    @classmethod
    async def of(cls, registry, campaign):
        """Take one person of each role, the principals by school."""
        found = {}
        for member in await registry.staff(campaign):
            roles = {
                "bureau_officer": "officer",
                "bureau_approver": "approver",
                "discipline_officer": "discipline",
                "principal": member.school,
            }
            name = roles.get(member.role)
            if name:
                found[name] = await actor_for(registry, campaign, member.staff_ref)
        return cls(found)

    def command(self, who, kind, command_id, **more):
        """A tagged JSON command."""
        actor = self.actors[who].model_dump(mode="json")
        return {"kind": kind, "command_id": command_id, "actor": actor, **more}


async def _run_until_identified(client, draft, people):
    await client.launch(draft, people.actors["officer"], "launch")
    own = people.command("officer", "approve", "own")
    own["actor"]["role"] = "bureau_approver"
    refused = await client.submit(draft.campaign, own)
    assert not refused.accepted
    await client.submit(draft.campaign, people.command("approver", "approve", "approve"))
    actor = ANONYMOUS.model_dump(mode="json")  # its notice to the discipline officer waits in the outbox
    complaint = {"complaint": "c-1", "about": next(iter(draft.pupils)), "matter": "FEE"}
    await client.submit(draft.campaign, {"kind": "complain", "command_id": "complain", "actor": actor, **complaint})
    schools = list(draft.pupils)
    for school in schools:
        await _wait(lambda stage=f"{draft.campaign}/{school}/identification": _proposed(client, stage))
    for school in schools[:1]:
        stage = f"{draft.campaign}/{school}/identification"
        state = (await client.state(stage))["state"]
        for pair in _pairs(state["pupils"]):
            command = people.command(school, "confirm", f"confirm-{pair[0]}", students=pair)
            if any(state["pupils"][student]["code"] == "DATA_UNKNOWN" for student in pair):
                command |= {"help": ["study"], "reason": "TALKED_TO_FAMILY"}
            await client.submit(stage, command)
        student = next(iter(state["pupils"]))
        contest = {"student": student, "raised_by": "GUARDIAN", "reason": "DATA_WRONG"}
        await client.submit(stage, people.command(school, "contest", "contest", **contest))
        resolve = {"student": student, "help": [], "reason": "DATA_CORRECTED"}
        await client.submit(stage, people.command("officer", "resolve_contest", "resolve", **resolve))
    for kind in ("pause", "resume"):
        answer, pending = await client.hold(draft.campaign, people.command("officer", kind, kind, reason="EXAM_WEEK"))
        assert answer.accepted
        assert pending == 0
    stage = f"{draft.campaign}/{schools[0]}/identification"
    await client.submit(stage, people.command(schools[0], "freeze", "freeze"))
    await client.submit(stage, people.command(schools[0], "complete", "complete"))


def _pairs(students):
    """Two by two, in their order."""
    names = list(students)
    return [names[index : index + 2] for index in range(0, len(names), 2)]


async def _skip_the_rest(client, draft, people):
    for school in draft.pupils:
        first = school == next(iter(draft.pupils))
        for slug in EMPTY_STAGES if first else ("identification", *EMPTY_STAGES):
            command = people.command("officer", "skip", f"skip-{slug}", reason="TRIAL_RUN")
            await client.submit(f"{draft.campaign}/{school}/{slug}", command)

    dismiss = people.command("discipline", "dismiss_violation", "dismiss", reason="NOTHING_FOUND")
    await client.submit(f"{draft.campaign}/compliance/c-1", dismiss)  # a campaign stays until its cases have ended

    async def noted():
        """Every stage has reached the campaign as finished."""
        return not await client.blockers(draft.campaign)

    await _wait(noted)


async def _proposed(client, stage):
    """The stage is open and the rule's proposals are in the record."""
    view = (await client.ledger.board(stage.rpartition("/")[0].rpartition("/")[0])).get(stage, {})
    codes = {blocker["code"] for blocker in view.get("blockers", ())}
    return view.get("status") == "open" and "PROPOSALS_PENDING" not in codes


async def _wait(done, seconds=20):
    deadline = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < deadline, "the campaign did not get there"
        await asyncio.sleep(0.02)
