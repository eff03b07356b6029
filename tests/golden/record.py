"""Record the golden histories of a release: once, before their first commit, and never again (see README.md).

Runs small campaigns on embedded engines of its own, one on the stepped clock and the others on the engine's, and
writes each workflow's history while it is open, when it has continued as new, and when it has closed, into a directory
of the release's own; beside them the dispatchers' histories, both ways of each patch, and each campaign's whole log
with what it came to. It refuses to overwrite anything.

    python tests/golden/record.py 0.4.0
"""

from __future__ import annotations

import asyncio
import functools
import re
import sys
import tempfile
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE), str(HERE.parent / "workflows")]

from golden_both_ways import a_job_done_again  # noqa: E402
from golden_heads import heads  # noqa: E402
from golden_recorder import HEADS, HISTORIES, WITHIN, Recording  # noqa: E402
from golden_sending import (  # noqa: E402
    A_WHOLE_DAY,
    CHANNELS,
    add,
    decisions,
    dispatchers,
    heard,
    planned_decisions,
    receipts,
    runs_on,
    ways_out,
)
from golden_streams import write_schemas  # noqa: E402
from workflows_house import (  # noqa: E402
    APPROVER,
    FIRST,
    KINDS,
    LEADER,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    SECOND,
    Campaign,
    House,
    act,
    eventually,
    house_in,
    relative,
)

import worker  # noqa: E402
from audit.counts import recorded  # noqa: E402
from cli.run_main import run_main  # noqa: E402
from client import SteppedSending  # noqa: E402
from domain.actors import ANONYMOUS, Actor, Role  # noqa: E402
from domain.calendar import Calendar, CalendarYear  # noqa: E402
from domain.events import digest  # noqa: E402
from domain.policy import PolicyProfile  # noqa: E402
from domain.stage_events import StageSlug  # noqa: E402
from domain.time import at as at_clock  # noqa: E402
from domain.time import civil  # noqa: E402
from engine import EmbeddedEngine  # noqa: E402
from registry.draft import Draft  # noqa: E402
from rehearsal.county import make_county  # noqa: E402
from rehearsal.driver import Driver, Planned  # noqa: E402
from rehearsal.year import YearPlan, plan_year, slots_of  # noqa: E402

PUPILS = 10
LOW = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=60")
"""The suggestion stands in the history, so that a replay follows it."""

WATCHED, CASES = "attendance", ("dropout", "compliance")
ALL_THE_TIME = tuple(kind for kind in KINDS if kind != WATCHED)
"""Kinds of streams that are open from the approval to the end of a campaign."""

SATURDAY = 5
DISCIPLINE = Actor(id="stf_discipline", role=Role.DISCIPLINE_OFFICER, organisation="bureau")
REGISTER = Actor(id="stf_register", role=Role.REGISTER_OFFICER, organisation="bureau")
AT_ANY_HOUR = {"daily_report_reminder": "23:57", "daily_report_due": "23:58", "daily_report_missed": "23:59"}
"""Hours of the daily report that let the recording of an attendance begin at any time of the day."""

RELEASE = re.compile(r"[0-9]+(\.[0-9]+)+")
IN_MARCH, IN_JUNE = date(2025, 3, 12), date(2025, 6, 13)
"""Days of the rehearsed year on which a pupil stays away, and on which a complaint is looked into."""


async def stepped(recording: Recording, directory: Path) -> None:
    """Record a rehearsed year with its notices and settlement, and its end by stop and close."""
    recorder = recording.histories
    engine = EmbeddedEngine(directory / "engine")
    async with house_in(await engine.start(), directory) as house, ways_out(house) as ways:
        plan = await plan_year(house.registry, small_county(directory / "county"), 1, settles=True)
        campaign = Campaign(house, plan.draft.campaign)
        async with house.worker(dispatch=ways.activities):
            await house.client.launch(
                plan.draft, plan.author, "rehearsal-draft", clock="stepped", started_at=plan.started_at
            )
            await house.client.sending.start(campaign.id, CHANNELS, clock="stepped")
            driver = driven(house, campaign, plan)
            await driver.run(stop_on=IN_MARCH)
            cases = {"dropout": await one_case(house, campaign, "dropout")}
            watched = {WATCHED: campaign.stream(WATCHED)}
            add(driver, await planned_decisions(house, campaign, IN_MARCH))
            assert await receipts(house, campaign, at_clock(IN_MARCH, time(8)))
            await asyncio.sleep(1)
            await recorder.keep_open(house, watched | cases, "stepped")
            await driver.run(stop_on=IN_JUNE)
            complaint = {"compliance": await one_case(house, campaign, "compliance")}
            await asyncio.sleep(1)
            await recorder.keep_open(house, streams_of(campaign) | complaint, "stepped")
            await recording.dispatch.keep_open(house, dispatchers(campaign), "stepped")
            await driver.run()
            assert await house.client.sending.finish(campaign.id, WITHIN)
            await recording.dispatch.keep_last(house, dispatchers(campaign), "stepped")
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
            await recording.keep_log(house, campaign, "stepped-closed")
    await engine.stop()


def small_county(files: Path) -> Path:
    """Write the files of one small school that keeps attendance for eighteen school days, as long as a case takes."""
    make_county(files, 1, PUPILS, 1)
    file = files / "campaign.toml"
    file.write_text(file.read_text().replace("last = 2025-03-31", "last = 2025-03-26"))
    return files


def driven(house: House, campaign: Campaign, plan: YearPlan) -> Driver:
    """Return a driver that sends, and counts for the settlement."""

    async def counting(moment: datetime) -> dict[str, Any]:
        for answer in driver.report.last.values():
            await house.client.wait_recorded(answer.receipt)
        return (await recorded(house.ledger, campaign.id, moment)).fields

    sending = SteppedSending(house.client, campaign.id, CHANNELS)
    slots = slots_of(PolicyProfile.model_validate(plan.draft.content["policy"]))
    driver = Driver(house.client, campaign.id, plan.commands, plan.started_at, counting, sending, slots)
    return driver


async def on_the_engines_clock(recording: Recording, directory: Path) -> None:
    """Record a campaign with timers, runs that continue as new, refusals, signals, and notices on their way."""
    recorder = recording.histories
    engine = EmbeddedEngine(directory / "engine", options=LOW)
    async with (
        house_in(await engine.start(), directory) as house,
        ways_out(house) as ways,
        house.worker(dispatch=ways.activities),
        AsyncExitStack() as senders,
    ):
        for sender in worker.build_senders(house.engine, ways.activities, ways.channels):
            await senders.enter_async_context(sender)
        campaign = await begun(house, await any_hour_draft(house))
        await campaign.open(FIRST)
        students = await campaign.pupils()
        for number, student in enumerate(students):
            fields = {"students": [student], "help": ["STUDY"], "reason": "TEACHER_OBSERVATION"}
            await campaign.submit(FIRST, act("confirm", f"confirm-{number}", LEADER, **fields))
        foreign = PRINCIPAL.model_copy(update={"organisation": "9900010999"})
        await campaign.submit(FIRST, act("freeze", "foreign", foreign))
        await campaign.submit(FIRST, act("freeze", "freeze", LEADER))
        await notices_on_their_way(recording, house, campaign)
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
        assert await house.client.sending.settle(campaign.id, WITHIN)
        await heard(house, campaign, "NoticesSettled")
        assert await house.client.sending.finish(campaign.id, WITHIN)
        await recording.dispatch.keep_last(house, dispatchers(campaign), "engine")
        close = act("close_campaign", "close", OFFICER, reason="YEAR_OVER")
        _, archived = await house.client.close_campaign(campaign.id, close, within=WITHIN)
        assert archived
        every = {kind: campaign.stream(kind) for kind in KINDS}
        await recorder.keep_closed(house, campaign, every, "engine")
        await recording.keep_log(house, campaign, "engine-closed")
    await engine.stop()


async def notices_on_their_way(recording: Recording, house: House, campaign: Campaign) -> None:
    """Have families invited, the invitations sent over several runs, and everything decided that one can about them."""
    await campaign.open(SECOND)
    classes = (await house.state(campaign.stream(SECOND)))["state"]["classes"]
    at = (datetime.now().astimezone() + timedelta(days=3)).isoformat(timespec="seconds")
    session = act("schedule_session", "session", LEADER, session="s-1", classes=sorted(classes), at=at)
    await campaign.submit(SECOND, session)
    await campaign.submit(SECOND, act("invite", "invite", LEADER, session="s-1"))
    await house.client.sending.start(campaign.id, CHANNELS, every=3600)

    async def on_all_ways() -> bool:
        await house.client.sending.wake(campaign.id)
        states = {(row["channel"], row["state"]) for row in await house.ledger.outbox.find(campaign.id)}
        return {("email", "accepted"), ("phone", "cleared")} <= states

    await eventually(on_all_ways)
    for command in await decisions(house, campaign):
        await house.client.submit(campaign.id, command)
    assert await receipts(house, campaign, datetime.now().astimezone())
    await house.client.sending.wake(campaign.id)
    await heard(house, campaign, "ReceiptsTaken")
    await runs_on(house, dispatchers(campaign).values(), 60)
    await asyncio.sleep(2)
    await recording.dispatch.keep_run_before(house, dispatchers(campaign), "engine")
    await recording.dispatch.keep_open(house, dispatchers(campaign), "engine")


async def cases_on_the_engines_clock(recording: Recording, directory: Path) -> None:
    """Record attendance, a dropout case and a complaint of a campaign of their own, which goes on.

    A pupil is absent today, which a policy of its own takes for a suspicion (nobody can wait three school days here),
    and then leaves the register: that ends the case.
    """
    recorder = recording.histories
    engine = EmbeddedEngine(directory / "engine", options=LOW)
    async with house_in(await engine.start(), directory) as house, house.worker():
        today = civil(datetime.now().astimezone())
        campaign = await begun(house, await watched_draft(house, today))
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
        await asyncio.sleep(2)
        await recording.keep_log(house, campaign, "engine-open")
    await engine.stop()


async def begun(house: House, draft: Draft) -> Campaign:
    """Launch and approve a campaign and wait until its stages are there."""
    campaign = Campaign(house, draft.campaign)
    await house.client.launch(draft, OFFICER, "launch", clock="engine")
    await house.client.submit(campaign.id, act("approve", "approve", APPROVER))
    await campaign.ready()
    return campaign


async def any_hour_draft(house: House) -> Draft:
    """Return a draft whose notices go out at any hour of any day; attendance is over."""
    draft = relative(await house.draft(pupils=PUPILS), civil(datetime.now().astimezone()), {}, {}, watched=False)
    return with_parameters(draft, A_WHOLE_DAY)


def with_parameters(draft: Draft, parameters: dict[str, Any], **more: Any) -> Draft:
    """Return a draft with other parameters of its policy, and other content."""
    policy = draft.content["policy"]
    other = {**policy, "parameters": {**policy["parameters"], **parameters}}
    content = {**draft.content, "policy": other, **more}
    del content["content_digest"]
    return Draft(draft.campaign, content | {"content_digest": digest(content)})


async def watched_draft(house: House, today: date) -> Draft:
    """Return a draft whose schools report from today on, at any hour, a school day also at a weekend."""
    draft = relative(await house.draft(pupils=PUPILS, county="watched"), today, {}, {})
    years = {year: CalendarYear() for year in range(today.year - 1, today.year + 3)}
    if today.weekday() >= SATURDAY:
        years[today.year] = CalendarYear(make_up_days=(today,))
    return with_parameters(
        draft,
        {"absence_pattern_days": 1, **AT_ANY_HOUR},
        calendar=Calendar(version=1, years=years).model_dump(mode="json"),
        attendance={"first": today.isoformat(), "last": (today + timedelta(days=30)).isoformat()},
    )


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
        await eventually(functools.partial(continued, house, name))


async def continued(house: House, stream: str) -> bool:
    """Tell whether a workflow is not in its first run any more."""
    return bool((await house.state(stream))["runs"] > 1)


async def finished(campaign: Campaign) -> bool:
    """Tell whether the campaign knows that no stage is unfinished."""
    return not await campaign.house.client.blockers(campaign.id)


async def everything(recording: Recording, place: Path) -> None:
    """Record a release."""
    await stepped(recording, place / "stepped")
    await cases_on_the_engines_clock(recording, place / "cases")
    await on_the_engines_clock(recording, place / "engine")
    await a_job_done_again(recording, place / "patch", PUPILS)
    await heads(recording.heads, place / "heads")
    for recorder in (recording.histories, recording.dispatch, recording.heads, recording.patches):
        recorder.close()
    write_schemas(recording.release)


async def heads_alone(recording: Recording, place: Path) -> None:
    """Record what has heads signed, where the rest of the release is recorded already."""
    await heads(recording.heads, place)
    recording.heads.close()


async def main() -> int:
    """Record what was asked for."""
    match sys.argv[1:]:
        case [release] if RELEASE.fullmatch(release):
            there, record = HISTORIES / release, everything
        case [release, "heads"] if RELEASE.fullmatch(release):
            there, record = HEADS / release, heads_alone
        case _:
            print("Name the release: python tests/golden/record.py 0.4.0 [heads]", file=sys.stderr)  # noqa: T201
            return 2
    if there.exists():
        print(f"{release} is recorded already, and is never recorded again (README.md).", file=sys.stderr)  # noqa: T201
        return 1
    with tempfile.TemporaryDirectory() as place:
        await record(Recording.of(release), Path(place))
    return 0


if __name__ == "__main__":
    run_main(main)
