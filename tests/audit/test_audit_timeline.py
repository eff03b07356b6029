from __future__ import annotations

import json
import re

import pytest_asyncio
from audit_kernel_year import KernelYear, kernel_year, write
from stream_samples import CAMPAIGN, HEAD, OFFICER, SCHOOL, A, B, running_county, stage, when

from audit.timeline import in_order, read_timeline, timeline
from cli.entry import run
from domain.time import stamp
from ledger.store import Ledger


@pytest_asyncio.fixture(scope="module")
async def past(tmp_path_factory) -> KernelYear:
    """A finished year of two schools."""
    return await kernel_year(tmp_path_factory.mktemp("timeline"))


def named(lines) -> list[str]:
    """Return the id of every event that the lines name."""
    found = []
    for piece in (piece for line in lines for piece in line.events):
        stream, first, last = re.fullmatch(r"(.+)#(\d+)(?:-(\d+))?", piece).groups()
        found += [f"{stream}#{version}" for version in range(int(first), int(last or first) + 1)]
    return found


def all_of(past) -> list[str]:
    """Return the ids of all events of a year."""
    return [f"{event['stream']}#{event['version']}" for event in past.events]


async def test_every_event_stands_in_exactly_one_line(past):
    """Folding hides nothing: the lines name every event once, their counts add up, and they come in order of time."""
    async with past.ledger() as ledger:
        lines = await read_timeline(ledger, past.campaign, "zh")
    assert sorted(named(lines)) == sorted(all_of(past))
    assert sum(line.count for line in lines) == len(past.events)
    assert [line.recorded_at for line in lines] == sorted(line.recorded_at for line in lines)
    assert len(lines) < len(past.events) / 2
    assert all(line.event == line.events[0] for line in lines)


def test_an_effect_never_comes_before_its_cause(past):
    """On a stepped clock news arrives in the instant of its cause; the order is still the causal one."""
    places = {f"{event['stream']}#{event['version']}": n for n, event in enumerate(in_order(past.events))}
    caused = [event for event in past.events if event["causation"] in places]
    assert len(caused) > 20
    for event in caused:
        assert places[event["causation"]] < places[f"{event['stream']}#{event['version']}"]
    for stream, events in past.streams.items():
        own = [places[f"{stream}#{event['version']}"] for event in events]
        assert own == sorted(own)
    by_name = sorted(past.events, key=lambda event: (event["recorded_at"], event["stream"], event["version"]))
    assert by_name != in_order(past.events)  # the plain order would have told some effect first


def test_causes_in_a_circle_are_still_told():
    """A forged circle of causes cannot make the timeline lose an event."""
    one, two = (dict(event) for event in stage("retention").to("2025-11-03 08:00").ledger[:1] * 2)
    two["stream"] = "campaign/a/2026/9900010001/identification"
    one["causation"], two["causation"] = f"{two['stream']}#1", f"{one['stream']}#1"
    assert len(in_order([one, two])) == 2


def test_what_dispatchers_tell_is_one_line_for_channel_and_month():
    """A channel's days and receipts are technical: months of them are few lines, and every event is named once."""
    county = running_county(release=4)
    numbers = {"rows": 1, "digest": "d" * 64, "states": {"accepted": 1}}
    for day in ("2025-11-29", "2025-11-30", "2025-12-01"):
        county.to(f"{day} 09:00")
        for channel in ("sms", "email"):
            county.campaign.hear(
                "notices_settled", f"{CAMPAIGN}/dispatch/{channel}", channel=channel, day=day, **numbers
            )
    receipt = {"notice": f"ntc_{'a' * 32}", "state": "read", "at": "2025-12-01T08:00:00.000+08:00"}
    county.campaign.hear("receipts_taken", f"{CAMPAIGN}/dispatch/sms", channel="sms", receipts=[receipt])
    lines = [
        line for line in timeline(county.campaign.ledger, "en") if line.type in ("NoticesSettled", "ReceiptsTaken")
    ]
    assert [line.count for line in lines] == [2, 2, 2, 1]
    assert lines[0].message == "days of the journal of text message tied to the record: 2"
    assert lines[2].message.endswith("; took in receipts of text message")
    assert len(named(lines)) == 7


def test_one_command_for_many_households_is_one_line():
    """Invitations of a class are one line with number and range; two commands are two lines."""
    stream = stage("parent-meetings").to("2025-11-04 08:00")
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at="2025-11-05T19:00:00+08:00")
    stream.do("schedule_session", HEAD, session="s2", classes=["2026-02"], at="2025-11-05T19:00:00+08:00")
    stream.do("invite", HEAD, session="s1")
    stream.do("invite", HEAD, session="s2")
    stream.to("2025-11-06 08:00")
    rows = [{"student": A, "attended": True, "by": "guardian"}, {"student": B, "attended": False}]
    stream.do("record_attendance", HEAD, session="s1", rows=rows)
    lines = timeline(stream.ledger, "en")
    invited = [line for line in lines if line.type == "HouseholdInvited"]
    assert [line.count for line in invited] == [3, 3]
    first = next(event["version"] for event in stream.ledger if event["type"] == "HouseholdInvited")
    assert invited[0].event == f"{stream.machine.carry.stream}#{first}-{first + 2}"
    assert invited[0].message.endswith("households invited to s1: 3")
    assert invited[0].actor.id == HEAD.id
    attended = next(line for line in lines if line.type == "AttendanceRecorded")
    assert (attended.count, attended.message[-20:]) == (2, "2 (came 1, absent 1)")


def test_what_the_system_passes_on_is_one_line_a_school():
    """A pause of the whole campaign is the officer's line and one line for each school, not one a stream."""
    county = running_county(schools=2)
    before = {name: len(stream.ledger) for name, stream in county.streams.items()}
    county.do("", "pause", OFFICER, reason="SNOW")
    fresh = [event for name, stream in county.streams.items() for event in stream.ledger[before[name] :]]
    lines = timeline(fresh, "en")
    assert [(line.type, line.count) for line in lines] == [
        ("CampaignPaused", 1),
        ("SchoolPaused", 3),
        ("SchoolPaused", 3),
    ]
    assert lines[1].message.startswith(f"{SCHOOL}: passes a pause")
    assert lines[1].message.endswith("stages paused: 2")
    assert len(lines[1].events) == 3
    assert lines[0].actor.role == "bureau_officer"


def test_both_clocks_are_kept():
    """A late entry stands where it was recorded, with the time at which it happened."""
    stream = stage("parent-meetings").to("2025-11-04 08:00")
    occurred = stamp(when("2025-11-03 12:00"))
    stream.do(
        "schedule_session",
        HEAD,
        session="s1",
        classes=["2026-01"],
        at="2025-11-05T19:00:00+08:00",
        occurred_at=occurred,
    )
    line = timeline(stream.ledger, "zh")[-1]
    assert (line.at, line.recorded_at) == (occurred, stamp(when("2025-11-04 08:00")))


async def test_a_pupils_timeline_has_all_that_mentions_the_pupil_unfolded(past):
    """Across all streams, also where a list names the pupil; a line for each event, nobody else's alone."""
    student = next(event["data"]["student"] for event in past.events if event["type"] == "HouseholdSettled")
    async with past.ledger() as ledger:
        lines = await read_timeline(ledger, past.campaign, "zh", student=student)
    quoted = f'"{student}"'
    expected = [f"{e['stream']}#{e['version']}" for e in past.events if quoted in json.dumps(e)]
    assert sorted(line.event for line in lines) == sorted(expected)
    assert {line.count for line in lines} == {1}
    types = {line.type for line in lines}
    assert {"CohortLoaded", "StagePlanned", "HelpProposed", "HouseholdInvited", "HouseholdSettled"} <= types
    assert len({line.event.partition("#")[0] for line in lines}) >= 6


async def test_a_longer_reference_is_somebody_else(tmp_path):
    """A pupil whose reference begins like another's does not get the other's events."""
    stream = stage("parent-meetings", classes={"2026-01": ["stu_000001"], "2026-02": ["stu_0000012"]})
    stream.to("2025-11-04 08:00")
    for number in (1, 2):
        name, classes = f"s{number}", [f"2026-0{number}"]
        stream.do("schedule_session", HEAD, session=name, classes=classes, at="2025-11-05T19:00:00+08:00")
        stream.do("invite", HEAD, session=name)
    name = stream.machine.carry.stream
    await write(tmp_path, {name: stream.ledger}, {name: stream.machine.view()})
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    try:
        lines = await read_timeline(ledger, CAMPAIGN, "en", student="stu_000001")
    finally:
        await ledger.close()
    assert [line.type for line in lines] == ["StagePlanned", "HouseholdInvited"]


async def test_a_schools_timeline_is_its_own(past):
    """Only that school's streams, and what the campaign says about it."""
    schools = sorted({event["stream"].split("/")[3] for event in past.events if event["stream"].count("/") > 2})
    async with past.ledger() as ledger:
        lines = await read_timeline(ledger, past.campaign, "en", school=schools[0])
        other = await read_timeline(ledger, past.campaign, "en", school=schools[1])
    assert {name.partition("#")[0].split("/")[3] for name in named(lines) if name.count("/") > 2} == {schools[0]}
    assert any(name.startswith(f"{past.campaign}#") for name in named(lines))
    assert not set(named(lines)) & set(named(other))


async def test_the_command_tells_it_without_a_name(past, capsys):
    """`audit timeline`: JSON as promised; the readable form one line each, references only, in both."""
    data = ["--data", str(past.directory)]
    assert await run(["audit", "timeline", past.campaign, *data, "--json"]) == 0
    out = capsys.readouterr().out
    told = json.loads(out)
    assert told["campaign"] == past.campaign
    keys = {"at", "recorded_at", "event", "events", "count", "actor", "type", "message"}
    assert all(set(line) == keys for line in told["lines"])
    assert {"id", "role", "organisation"} <= set(told["lines"][0]["actor"])
    assert await run(["audit", "timeline", past.campaign, *data]) == 0
    read = capsys.readouterr().out
    assert told["lines"][0]["event"] in read
    assert past.names
    assert not [name for name in past.names if name in out + read]


async def test_the_command_knows_what_it_does_not_know(past, capsys):
    """An unknown campaign, school or pupil is exit 4; what is no reference is exit 2."""
    data = ["--data", str(past.directory), "--json"]
    tried = {
        "CAMPAIGN_UNKNOWN": (4, ["campaign/nowhere/2026"]),
        "SCHOOL_UNKNOWN": (4, [past.campaign, "--school", "9900019999"]),
        "STUDENT_UNKNOWN": (4, [past.campaign, "--student", "stu_nobody0"]),
        "STUDENT_INVALID": (2, [past.campaign, "--student", "示云山"]),
    }
    for code, (exit_code, arguments) in tried.items():
        assert await run(["audit", "timeline", *arguments, *data]) == exit_code
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_the_campaigns_own_events_need_no_school(past):
    """The bureau's acts carry no school before them."""
    drafted = timeline(past.streams[past.campaign][:1], "en")[0]
    assert drafted.message.startswith("drafted the campaign of qingshan")
    assert past.campaign != CAMPAIGN
