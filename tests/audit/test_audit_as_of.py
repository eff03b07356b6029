from __future__ import annotations

import json
from datetime import timedelta

import pytest
import pytest_asyncio
from audit_kernel_year import KernelYear, kernel_year, write
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import CAMPAIGN, HEAD, SCHOOL, A, B, C, D, running_county, stage, when

from audit.as_of import NOT_COMPUTABLE, Side, StreamAsOf, as_of, moment, parts_of
from cli.entry import run
from cli.status import schools_of
from domain.time import instant, stamp

MEETINGS = f"{CAMPAIGN}/{SCHOOL}/parent-meetings"


@pytest_asyncio.fixture(scope="module")
async def past(tmp_path_factory) -> KernelYear:
    """A finished year."""
    return await kernel_year(tmp_path_factory.mktemp("as-of"))


def meetings():
    """Return parents' meetings with one session in the evening of 5 November."""
    stream = stage("parent-meetings").to("2025-11-04 08:00")
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at="2025-11-05T19:00:00+08:00")
    stream.do("invite", HEAD, session="s1")
    return stream


def recorded_late():
    """Return meetings whose attendance of 6 November was recorded on the 10th."""
    stream = meetings().to("2025-11-10 09:00")
    rows = [{"student": A, "attended": True, "by": "guardian"}, {"student": B, "attended": False}]
    stream.do("record_attendance", HEAD, session="s1", rows=rows, occurred_at=stamp(when("2025-11-06 20:00")))
    return stream


def cancelled_before_it_was_scheduled():
    """Return meetings whose session was called off, by what was said, on the evening before it was scheduled."""
    stream = meetings().to("2025-11-05 08:00")
    stream.do("cancel_session", HEAD, session="s1", reason="SNOW", occurred_at=stamp(when("2025-11-03 20:00")))
    return stream


# -- what was known ---------------------------------------------------------------------------------------------


def test_the_board_of_every_moment_is_what_the_screens_showed(past):
    """A9: at each instant of a year, the rebuilt board and states are those that the running streams had then."""
    shown: dict[str, tuple[int, dict, dict]] = {}
    screens = iter(sorted(past.screens, key=lambda screen: (screen.recorded_at, screen.version)))
    waiting = next(screens)
    assert len(past.instants) > 20
    for number, moment_ in enumerate(past.instants):
        moved = dict.fromkeys(past.streams) if number % 20 == 0 else {}  # where nothing came nothing is folded anew
        while waiting is not None and waiting.recorded_at <= moment_:
            shown[waiting.stream] = (waiting.version, waiting.view, waiting.state)
            moved[waiting.stream] = None
            waiting = next(screens, None)
        for stream in moved:
            events = past.streams[stream]
            known = StreamAsOf.of(stream, events, instant(moment_)).known
            expected = shown.get(stream, (0, None, None))
            assert (known.version, known.view, known.state) == expected, (stream, moment_)
    assert waiting is None


async def test_the_end_of_the_year_is_the_boards_table(past):
    """After the last event both clocks give the board as it stands, and nothing differs."""
    async with past.ledger() as ledger:
        found = await as_of(ledger, past.campaign, instant(past.instants[-1]))
        board = await ledger.board(past.campaign)
    assert found.known == found.true == board
    assert found.difference == found.not_computable == ()


async def test_before_the_draft_nothing_had_begun(past):
    """An instant before the first event gives an empty board, not an error."""
    async with past.ledger() as ledger:
        found = await as_of(ledger, past.campaign, instant(past.instants[0]) - timedelta(milliseconds=1))
    assert (found.known, found.true) == ({}, {})


async def test_a_pupils_part_is_what_the_stages_held_then(past):
    """With a pupil's reference, each stage gives its own record of the pupil, as the running state had it."""
    screen = next(
        screen for screen in past.screens if any(h["attempts"] for h in screen.state.get("households", {}).values())
    )
    student = next(student for student, one in screen.state["households"].items() if one["attempts"])
    async with past.ledger() as ledger:
        found = await as_of(ledger, past.campaign, instant(screen.recorded_at), student=student)
    last = [one for one in past.screens if one.stream == screen.stream and one.recorded_at <= screen.recorded_at][-1]
    assert found.known[screen.stream]["households"] == last.state["households"][student]
    assert any(place.startswith("classes.") for place in found.known[screen.stream])
    assert {stream.split("/")[3] for stream in found.known} == {screen.stream.split("/")[3]}


# -- two clocks -------------------------------------------------------------------------------------------------


def test_what_was_recorded_late_was_true_before_it_was_known():
    """A12: between the meeting and its record the clocks differ, and the late events say why; before and after not."""
    stream = recorded_late()
    for time, differs in (("2025-11-06 19:59", False), ("2025-11-07 08:00", True), ("2025-11-10 09:00", False)):
        both = StreamAsOf.of(MEETINGS, stream.ledger, when(time))
        assert (both.difference is not None) is differs, time
    both = StreamAsOf.of(MEETINGS, stream.ledger, when("2025-11-07 08:00"))
    assert both.known.parts[A]["households"]["outcome"] is None
    assert both.true.parts[A]["households"]["outcome"] == "INFORMED"
    assert both.difference.students == (A, B)
    late = [event for event in stream.ledger if event["type"] == "AttendanceRecorded"]
    assert [event.event for event in both.difference.events] == [f"{MEETINGS}#{event['version']}" for event in late]
    assert {event.missing_in for event in both.difference.events} == {"known"}


def test_what_was_known_on_one_day_about_another():
    """A12, as-of and as-at together: of the evening of the 6th nothing was known on the 9th, and all on the 10th."""
    stream = recorded_late()
    evening = when("2025-11-06 21:00")
    outcomes = {}
    for known_at in ("2025-11-06 21:00", "2025-11-09 09:00", "2025-11-10 09:00", None):
        moment_ = None if known_at is None else when(known_at)
        both = StreamAsOf.of(MEETINGS, stream.ledger, evening, moment_)
        outcomes[known_at] = both.true.parts[A]["households"]["outcome"]
        assert both.known.parts[A]["households"]["outcome"] is None
        assert (both.difference is None) is (outcomes[known_at] is None)
    assert outcomes == {
        "2025-11-06 21:00": None, "2025-11-09 09:00": None, "2025-11-10 09:00": "INFORMED", None: "INFORMED",
    }  # fmt: skip
    before = StreamAsOf.of(MEETINGS, stream.ledger, when("2025-11-05 00:00"), when("2025-11-10 09:00"))
    assert before.true.parts[A]["households"]["outcome"] is None  # known since, and not true then


async def test_status_shows_what_the_fold_of_the_events_gives_at_every_moment(past):
    """A9: the stages that `status` lists, from the screens of that moment and from the events alone."""
    screens: dict[str, dict] = {}
    waiting = sorted(past.screens, key=lambda screen: (screen.recorded_at, screen.version))
    looked_at = 0
    async with past.ledger() as ledger:
        for moment_ in past.instants[:: max(1, len(past.instants) // 6)]:
            screens |= {
                one.stream: {**one.view, "version": one.version} for one in waiting if one.recorded_at <= moment_
            }
            rebuilt = (await as_of(ledger, past.campaign, instant(moment_))).known
            assert schools_of(rebuilt, past.campaign) == schools_of(screens, past.campaign), moment_
            looked_at += len(schools_of(rebuilt, past.campaign))
        assert schools_of(await ledger.board(past.campaign), past.campaign)
    assert looked_at > 6


def test_a_stream_that_contradicts_itself_is_said_to_be_not_computable():
    """A cancelling backdated before its scheduling cannot be folded without it: no state, the place, and no error."""
    stream = cancelled_before_it_was_scheduled()
    both = StreamAsOf.of(MEETINGS, stream.ledger, when("2025-11-03 21:00"))
    assert both.known.view is not None
    assert both.true.view is None
    assert [(why.side, why.code) for why in both.not_computable] == [("true", NOT_COMPUTABLE)]
    assert both.not_computable[0].event.startswith(f"{MEETINGS}#")
    assert both.difference.students == ()
    assert both.difference.events


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_fold_with_gaps_never_raises(data):
    """Whatever a clock lets through, the answer is a state or the place where the rules stopped."""
    ledger = recorded_late().ledger
    kept = [event for event in ledger if data.draw(st.booleans())]
    side = Side.fold(MEETINGS, kept)
    assert (side.view is None) == (side.broken is not None or not kept)
    if side.broken is None and kept:
        assert side.version == kept[-1]["version"]


def test_an_unknown_stream_or_event_is_not_computable():
    """A ledger of a later release is still answered for, stream by stream."""
    assert Side.fold(f"{CAMPAIGN}/{SCHOOL}/juggling", meetings().ledger).broken == (0, "UnknownEventError")
    strange = [{**event, "type": "Juggled"} if event["version"] == 2 else event for event in meetings().ledger]
    assert Side.fold(MEETINGS, strange).broken == (2, "UnknownEventError")


# -- small parts ------------------------------------------------------------------------------------------------


def test_a_date_means_its_end():
    """A bare date is 24:00 of the civil day; an instant needs its offset."""
    assert moment("2025-05-15") == when("2025-05-16 00:00")
    assert moment("2025-05-15T10:00:00+00:00") == when("2025-05-15 18:00")
    for wrong in ("2025-05-15T10:00:00", "yesterday", "2025-13-01"):
        with pytest.raises(ValueError, match=r".+"):
            moment(wrong)


def test_parts_are_found_wherever_a_state_holds_them():
    """Under the reference, in a list, and in rows about the pupil; a longer reference is somebody else."""
    state = {
        "cases": {A: {"n": 1}, f"{A}9": {"n": 2}},
        "classes": {"2026-01": [A, B]},
        "trips": [{"seats": [C], "rows": [{"student": A, "attended": True}]}],
        "names": [["x"], None, 3],
    }
    parts = parts_of(state)
    assert parts[A] == {
        "cases": {"n": 1},
        "classes.2026-01": True,
        "trips.0.rows.0": {"student": A, "attended": True},
    }
    assert parts[C] == {"trips.0.seats": True}
    assert D not in parts


# -- the command ------------------------------------------------------------------------------------------------


async def test_the_command_shows_both_clocks(tmp_path, capsys):
    """`audit as-of`: known, true, and the late events that make the difference; a pupil alone, the same."""
    own, stream = running_county().campaign, recorded_late()
    streams, views = (
        {CAMPAIGN: one, MEETINGS: other}
        for one, other in ((own.ledger, stream.ledger), (own.machine.view(), stream.machine.view()))
    )
    await write(tmp_path, streams, views)
    command = ["audit", "as-of", CAMPAIGN, "2025-11-06", "--data", str(tmp_path)]
    for only in ([], ["--student", A], ["--school", SCHOOL]):
        assert await run([*command, *only, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert [difference["stream"] for difference in told["difference"]] == [MEETINGS]
        assert told["difference"][0]["students"] == [A, B]
    assert await run([*command, "--student", A, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["known"][MEETINGS]["households"]["outcome"] is None
    assert told["true"][MEETINGS]["households"]["outcome"] == "INFORMED"
    for known_at, outcome in (("2025-11-09", None), ("2025-11-10", "INFORMED")):
        assert await run([*command, "--student", A, "--known-at", known_at, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["true"][MEETINGS]["households"]["outcome"] == outcome
        assert await run([*command, "--known-at", known_at]) == 0
        assert "2025-11-1" in capsys.readouterr().out  # the end of the day is 00:00 of the next
    assert await run([*command, "--known-at", "noon", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["place"] == "--known-at"
    assert await run(command) == 0
    late = next(event["version"] for event in stream.ledger if event["type"] == "AttendanceRecorded")
    assert f"{MEETINGS}#{late}" in capsys.readouterr().out.replace("\n", "")


async def test_the_command_says_what_cannot_be_computed(tmp_path, capsys):
    """`true` is null for a stream that contradicts itself, with the event; the rest of the board is there."""
    own, stream = running_county().campaign, cancelled_before_it_was_scheduled()
    await write(
        tmp_path,
        {CAMPAIGN: own.ledger, MEETINGS: stream.ledger},
        {CAMPAIGN: own.machine.view(), MEETINGS: stream.machine.view()},
    )
    command = ["audit", "as-of", CAMPAIGN, "2025-11-03T21:00:00+08:00", "--data", str(tmp_path)]
    assert await run([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["true"][MEETINGS] is None
    assert told["true"][CAMPAIGN]["status"] == "running"
    assert [why["stream"] for why in told["not_computable"]] == [MEETINGS]
    assert await run(command) == 0
    assert told["not_computable"][0]["event"] in capsys.readouterr().out.replace("\n", "")


async def test_the_command_on_a_year(past, capsys):
    """A date within the year, one pupil, wrong times and names: each with its exit code, and no name repeated."""
    data = ["--data", str(past.directory), "--json"]
    day = past.instants[len(past.instants) // 2][:10]
    assert await run(["audit", "as-of", past.campaign, day, *data]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["time"] == stamp(moment(day))
    assert set(told) == {"campaign", "time", "student", "known_at", "known", "true", "not_computable", "difference"}
    assert told["known"][past.campaign]["status"] == "running"

    assert await run(["audit", "as-of", past.campaign, day, "--student", "示云山", *data]) == 2
    out = capsys.readouterr().out
    assert json.loads(out)["error"]["code"] == "STUDENT_INVALID"
    assert "示云山" not in out
    assert await run(["audit", "as-of", past.campaign, day, "--student", "stu_nobody0", *data]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "STUDENT_UNKNOWN"
    assert await run(["audit", "as-of", past.campaign, "noon", *data]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "TIME_INVALID"

    assert await run(["audit", "as-of", past.campaign, day, *data[:2]]) == 0
    read = capsys.readouterr().out
    assert past.campaign in read
    assert not [name for name in past.names if name in read]
