"""What has changed between two moments of a record, or between two records."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from audit_log_tools import find, sealed
from audit_memory import MemoryLedger, of_county
from audit_small_log import FILING, OTHER, good
from hypothesis import given
from hypothesis import strategies as st

from audit.diff import Money, _named, compare, diff, differences
from domain.canonical import canonical

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from filing_families import Filing
from stream_samples import CAMPAIGN, HEAD, SCHOOL, A, B, running_county, stage, when

NOTHING = b'{"events":[],"settlement":null,"streams":[]}'
NO_FIGURE = b'{"events":[],"settlement":{"county":[],"schools":[]},"streams":[]}'
MEETINGS = f"{CAMPAIGN}/{SCHOOL}/parent-meetings"
QUOTAS = {SCHOOL: {"2026-01": 2, "2026-02": 1}}


def registered():
    """Return a county in which two pupils of one school were registered in the autumn."""
    county = running_county(quotas=QUOTAS, release=3)
    filing = Filing(content={"release": 3}).to("2026-05-11 09:00")
    filing.registered(A, B)
    return MemoryLedger({**of_county(county), f"{CAMPAIGN}/{SCHOOL}/application-filing": filing.ledger})


def meetings():
    """Return parents' meetings of 5 November with the attendance of the evening."""
    stream = stage("parent-meetings").to("2025-11-04 08:00")
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at="2025-11-05T19:00:00+08:00")
    stream.do("invite", HEAD, session="s1")
    stream.to("2025-11-06 09:00")
    rows = [{"student": A, "attended": True, "by": "guardian"}, {"student": B, "attended": False}]
    stream.do("record_attendance", HEAD, session="s1", rows=rows)
    return stream.ledger


def told(rows, stream):
    """Return what is told of a stream."""
    [row] = [row for row in rows if row["stream"] == stream]
    return row


@pytest.mark.parametrize("time", ["2025-01-01 00:00", "2025-10-20 08:00", "2026-06-01 12:00", "2027-01-01 00:00"])
async def test_the_same_moment_twice_is_no_difference_byte_for_byte(time):
    """Before the campaign, on the very instant of an event, in the middle, and after all of it."""
    ledger = registered()
    found = await diff(ledger, CAMPAIGN, (when(time), when(time)))
    assert found.bytes == NOTHING
    assert (await diff(ledger, CAMPAIGN, (when(time), when(time)), money=Money())).bytes == NO_FIGURE


async def test_two_moments_between_which_nothing_was_recorded_are_the_same():
    """Time that passes by itself is no change of the record."""
    night = (when("2027-01-01 00:00"), when("2027-02-01 00:00"))
    assert (await diff(registered(), CAMPAIGN, night)).bytes == NOTHING


async def test_an_event_of_the_later_instant_counts_and_of_the_earlier_does_not():
    """What was recorded at exactly a moment was known then (as `audit as-of` has it)."""
    ledger = MemoryLedger({MEETINGS: meetings()})
    recorded = when("2025-11-06 09:00")
    before = recorded - timedelta(milliseconds=1)
    assert (await diff(ledger, CAMPAIGN, (recorded, recorded + timedelta(days=1)))).events == []
    gained = {row["type"]: row["gained"] for row in (await diff(ledger, CAMPAIGN, (before, recorded))).events}
    assert gained["AttendanceRecorded"] == 2


async def test_events_are_counted_by_school_and_type():
    """The campaign's own events about a school belong to it; all others to nobody's school."""
    ledger = registered()
    found = await diff(ledger, CAMPAIGN, (when("2025-01-01 00:00"), when("2027-01-01 00:00")))
    total = sum(len(events) for events in ledger.by_id.values())
    assert sum(row["gained"] for row in found.events) == total
    assert {(row["school"], row["type"]) for row in found.events} >= {
        (None, "CampaignDrafted"),
        (SCHOOL, "SchoolReady"),
        (SCHOOL, "RegistrationVerified"),
    }
    assert found.events == sorted(found.events, key=lambda row: (row["school"] or "", row["type"]))
    assert all((row["lost"], row["altered"]) == (0, 0) for row in found.events)


async def test_the_states_of_stages_and_pupils_are_told():
    """The board's line by path, and each pupil's own part: from nothing known to informed, or absent."""
    ledger = MemoryLedger({MEETINGS: meetings()})
    found = await diff(ledger, CAMPAIGN, (when("2025-11-05 00:00"), when("2025-11-07 00:00")))
    row = told(found.streams, MEETINGS)
    assert row["version"][1] == len(ledger.by_id[MEETINGS])
    assert {"path": "classes.2026-01.done", "was": 0, "is": 1} in row["changes"]
    changes = {one["student"]: one["changes"] for one in row["pupils"]}
    assert {"path": "households.outcome", "was": None, "is": "INFORMED"} in changes[A]
    assert B in changes
    assert row["not_computable"] == []


async def test_one_pupil_alone_event_by_event():
    """What speaks of the reference, and what it changed of the pupil; nothing of anybody else, no line of a board."""
    ledger = MemoryLedger({MEETINGS: meetings()})
    both = (when("2025-11-05 00:00"), when("2025-11-07 00:00"))
    found = await diff(ledger, CAMPAIGN, both, student=A)
    own = [one for one in ledger.by_id[MEETINGS] if one["type"] == "AttendanceRecorded" and one["data"]["student"] == A]
    assert [row["event"] for row in found.told] == [f"{MEETINGS}#{own[0]['version']}"]
    assert found.told[0]["kind"] == "gained"
    assert [(row["type"], row["gained"]) for row in found.events] == [("AttendanceRecorded", 1)]
    [row] = found.streams
    assert ([one["student"] for one in row["pupils"]], row["changes"]) == ([A], [])
    assert B.encode() not in found.bytes
    nobody = await diff(ledger, CAMPAIGN, both, student="stu_nobody")
    assert nobody.bytes == b'{"events":[],"settlement":null,"streams":[],"told":[]}'


async def test_a_case_of_its_own_is_the_pupils_though_no_event_in_it_says_the_reference():
    """A dropout case, and the second one of the same pupil; another pupil whose reference begins alike is not meant."""
    case = f"{CAMPAIGN}/{SCHOOL}/dropout/{A}"
    event = {**meetings()[0], "data": {}, "actor": {"id": "stf_x"}}
    streams = {name: [{**event, "stream": name}] for name in (case, f"{case}-2", f"{case}9")}
    told = compare({}, streams, student=A)
    assert [row["event"] for row in told.told] == [f"{case}#1", f"{case}-2#1"]
    assert [row["not_computable"] for row in told.streams] == [["is"], ["is"]]


async def test_one_school_alone():
    """Other schools, the campaign and its cases are left out."""
    streams = good()
    both = (when("2025-01-01 00:00"), when("2027-01-01 00:00"))
    found = await diff(MemoryLedger(streams), CAMPAIGN, both, school=OTHER)
    assert {row["stream"].split("/")[3] for row in found.streams} == {OTHER}
    assert {row["school"] for row in found.events} == {OTHER}


async def test_the_figures_of_the_settlement_change_with_the_registrations():
    """By school and class, from the counts of each moment; before the campaign there is none."""
    ledger = registered()
    moments = {name: when(time) for name, time in (("before", "2026-05-01 08:00"), ("after", "2027-01-01 00:00"))}
    found = await diff(ledger, CAMPAIGN, (moments["before"], moments["after"]), money=Money())
    [school] = found.settlement["schools"]
    assert school["school"] == SCHOOL
    assert {"figure": "countable", "was": 0, "is": 2} in school["changes"]
    assert {"figure": "completion", "was": "0/2", "is": "2/2"} in school["classes"][0]["changes"]
    assert {"figure": "countable", "was": 0, "is": 2} in found.settlement["county"]
    early = await diff(ledger, CAMPAIGN, (when("2025-01-01 00:00"), moments["before"]), money=Money())
    assert {"figure": "quota", "was": None, "is": 3} in early.settlement["county"]


async def test_small_classes_are_left_out_where_figures_are_shown_outside():
    """R-22: two pupils are too few; the school's sums stay."""
    both = (when("2026-05-01 08:00"), when("2027-01-01 00:00"))
    found = await diff(registered(), CAMPAIGN, both, money=Money(outside=True))
    [school] = found.settlement["schools"]
    assert school["classes"] == []
    assert school["suppressed"] == ["2026-01", "2026-02"]
    assert {"figure": "countable", "was": 0, "is": 2} in school["changes"]


def test_what_another_record_has_lost_or_altered_is_counted():
    """Two bundles of one campaign: a ledger only grows, so either is a sign of a forger."""
    streams = sealed(good())
    forged = {stream: list(events) for stream, events in sealed(good()).items()}
    cut = forged[FILING].pop()
    assert compare(streams, sealed(good())).bytes == NOTHING
    [row] = compare(streams, forged).events
    assert row == {"school": SCHOOL, "type": cut["type"], "gained": 0, "lost": 1, "altered": 0}
    find(forged, "CampaignApproved")["hash"] = "0" * 64
    kinds = {row["type"]: row for row in compare(streams, forged).events}
    assert kinds["CampaignApproved"]["altered"] == 1
    back = compare(forged, streams)
    assert {row["type"]: row["gained"] for row in back.events}[cut["type"]] == 1


def test_a_side_that_cannot_be_folded_is_named_and_nothing_is_made_of_it():
    """A stream without its beginning has no state; it is said rather than guessed."""
    streams = sealed(good())
    row = told(compare(streams, {**streams, FILING: streams[FILING][1:]}).streams, FILING)
    assert (row["changes"], row["pupils"], row["not_computable"]) == ([], [], ["is"])


def test_a_pupil_whose_place_in_a_list_moves_has_not_changed():
    """Who stands before somebody comes and goes; being named, and rows about the pupil, are the pupil's own."""
    rows = [{"student": student, "on": "2025-11-06"} for student in (A, B)]
    before = {"classes": {"2026-01": [A, B]}, "rows": rows, "schools": {SCHOOL: [A, B]}}
    after = {"classes": {"2026-01": [B]}, "rows": rows[1:], "schools": {SCHOOL: [B]}}
    assert _named(before)[B] == _named(after)[B]
    assert _named(before)[B]["rows"] == [rows[1]]
    assert _named(before)[B][f"schools.{SCHOOL}"] is True
    assert A not in _named(after)
    assert _named({"rows": [rows[1], rows[1]]})[B]["rows"] == [rows[1], rows[1]]
    assert _named({"mixed": [B, rows[1], {"1": {B: 5}}, B, rows[1]]})[B] == {"mixed": [rows[1], 5, rows[1]]}


def test_only_the_pupils_whose_parts_are_others_are_named():
    """The absence of one is no change of the other."""
    events = meetings()
    first = next(number for number, event in enumerate(events) if event["type"] == "AttendanceRecorded")
    row = told(compare({MEETINGS: events[: first + 1]}, {MEETINGS: events[: first + 2]}).streams, MEETINGS)
    assert [one["student"] for one in row["pupils"]] == [B]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_values_differ_where_and_only_where_their_bytes_do(was, is_):
    """Each place that is named holds two values; equal values have no place, other ones at least one."""
    found = list(differences(was, is_))
    assert all(canonical(row["was"]) != canonical(row["is"]) for row in found)
    assert bool(found) == (canonical(without_nothing(was)) != canonical(without_nothing(is_)))


def without_nothing(value):
    """Return a value without names of nothing: a field that is null and one that is not there tell the same."""
    if not isinstance(value, dict):
        return value
    return {name: without_nothing(part) for name, part in value.items() if part is not None}
