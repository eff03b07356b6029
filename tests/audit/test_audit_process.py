"""Process mining: XES and OCEL files, deviations from the model, and who waited for whom."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import pytest_asyncio
from audit_kernel_year import KernelYear, kernel_year
from audit_small_log import FILING, IDENTIFICATION, P1, good

from audit.conformance import Code, deviations
from audit.ocel import ocel_pieces
from audit.timeline import in_order
from audit.waiting import STAFF, WINDOW, Side, calendar_of, rank, side_of, slowest, spans, waits
from audit.xes import TRANSITIONS, Case, xes_pieces
from cli.entry import run
from domain.actors import Role
from domain.events import event_id
from domain.stage_events import StageSlug
from domain.time import instant, stamp

sys.path.append(str(Path(__file__).parents[1] / "cli"))  # for `cli_canary`
from cli_canary import personal_values, spellings

XES = "{http://www.xes-standard.org/}"
ATTRIBUTES = {f"{XES}{kind}" for kind in ("string", "date", "int", "float", "boolean", "id", "list")}
ORDER = ("extension", "global", "classifier", "attribute", "trace", "event")
"""The order of a log's children in the published schema (xes-ieee-1849-2016.xsd)."""

LIFECYCLE = {*TRANSITIONS.values(), "assign", "withdraw", "reassign", "ate_abort", "autoskip", "unknown"}
"""The transitions of the standard's life cycle (lifecycle.xesext)."""


@pytest_asyncio.fixture(scope="module")
async def past(tmp_path_factory) -> KernelYear:
    """A finished year of two schools."""
    return await kernel_year(tmp_path_factory.mktemp("process"), 2, 40)


@pytest.fixture(scope="module")
def events(past):
    """Its events in order."""
    return in_order(past.events)


def small():
    """The small log's events in order; every caller gets its own."""
    return in_order(json.loads(json.dumps([one for stream in good().values() for one in stream])))


def id_of(envelope):
    """Return an event's id."""
    return event_id(envelope["stream"], envelope["version"])


def found(envelopes, days=14):
    """Return the deviations by code."""
    by_code = {}
    for one in deviations(envelopes, days):
        by_code.setdefault(one.code, []).append(one)
    return by_code


# -- XES ------------------------------------------------------------------------------------------------------------


def parsed(envelopes, case):
    """Read an XES file back: every trace's name and its events' attributes."""
    campaign = "campaign/qingshan/2025"
    root = ET.fromstring(b"".join(xes_pieces(envelopes, campaign, case)))
    traces = {}
    for trace in root.findall(f"{XES}trace"):
        name = trace.find(f"{XES}string[@key='concept:name']").get("value")
        assert name not in traces
        told = trace.findall(f"{XES}event")
        traces[name] = [{one.get("key"): one.get("value") for one in event} for event in told]
    return root, traces


@pytest.mark.parametrize("case", list(Case))
def test_the_xes_file_has_the_form_of_the_standard(events, case):
    """As the published schema orders it: children in their order, typed attributes, keys that are names."""
    root, _ = parsed(events, case)
    assert (root.tag, root.get("xes.version")) == (f"{XES}log", "1849.2016")
    kinds = ["attribute" if one.tag in ATTRIBUTES else one.tag.removeprefix(XES) for one in root]
    assert kinds == sorted(kinds, key=ORDER.index)
    assert {one.get("prefix") for one in root.findall(f"{XES}extension")} == {"concept", "lifecycle", "org", "time"}
    for one in root.iter():
        if one.tag not in ATTRIBUTES:
            continue
        assert set(one.keys()) == {"key", "value"}
        assert re.fullmatch(r"[A-Za-z_:][A-Za-z0-9_:.-]*", one.get("key"))
        match one.tag.removeprefix(XES):
            case "int":
                assert -(2**63) <= int(one.get("value")) < 2**63
            case "boolean":
                assert one.get("value") in ("true", "false")
            case "date":
                instant(one.get("value").replace("+00:00", "+08:00"))
    declared = {one.get("key") for one in root.findall(f"{XES}global[@scope='event']/*")}
    for event in root.iter(f"{XES}event"):
        keys = [one.get("key") for one in event]
        assert declared <= set(keys)
        assert len(keys) == len(set(keys))


def test_a_stream_is_a_trace_with_every_event_once(events):
    """Each in the order in which it happened; the life cycle of a stage is told in the standard's words."""
    _, traces = parsed(events, Case.STREAM)
    assert sorted(one["event"] for trace in traces.values() for one in trace) == sorted(map(id_of, events))
    for name, trace in traces.items():
        times = [instant(one["time:timestamp"]) for one in trace]
        assert times == sorted(times)
        assert {one["stream"] for one in trace} == {name}
    every = [one for trace in traces.values() for one in trace]
    assert {one["lifecycle:transition"] for one in every} <= LIFECYCLE
    stage = next(trace for name, trace in traces.items() if name.endswith("/parent-meetings"))
    cycle = [one for one in stage if one["concept:name"] == "parent-meetings"]
    told = [one["lifecycle:transition"] for one in cycle]
    assert told == [TRANSITIONS[one["type"]] for one in cycle]
    assert (told[0], told[-1]) == ("schedule", "complete")
    assert Counter(told)["start"] == 1
    assert {one["concept:instance"] for one in cycle} == {cycle[0]["stream"]}


def test_a_pupil_is_a_trace_with_all_that_names_the_pupil(events):
    """Over all streams, lists too; what names nobody stands in no trace."""
    _, traces = parsed(events, Case.PUPIL)
    student = next(one["data"]["student"] for one in events if one["type"] == "Reported")
    named = [id_of(one) for one in events if student in json.dumps(one)]
    assert sorted(one["event"] for one in traces[student]) == sorted(named)
    assert len({one["stream"] for one in traces[student]}) >= 6
    assert all(name.startswith("stu_") for name in traces)
    cohorts = [pupils for one in events if one["type"] == "CohortLoaded" for pupils in one["data"]["classes"].values()]
    cohort = {pupil for pupils in cohorts for pupil in pupils}
    assert cohort <= set(traces)


def test_what_xml_cannot_hold_breaks_no_file():
    """Also of a forged event: quotes, angle brackets, control characters, a time that is none, an odd key."""
    forged = small()
    forged[0]["data"] |= {"odd key<": 'a"<&>\x00\x0b\ud800\n', "date": "x"}
    forged[0]["recorded_at"] = "never"
    _, traces = parsed(forged, Case.STREAM)
    told = next(one for trace in traces.values() for one in trace if one["event"] == id_of(forged[0]))
    assert told["data.odd_key_"] == 'a"<&>\ufffd\ufffd\ufffd\n'
    assert told["recorded_at"] == "never"


# -- OCEL -----------------------------------------------------------------------------------------------------------


def test_the_ocel_file_has_the_form_of_the_standard(events):
    """As the published JSON schema asks; whatever is related exists, and whatever is said is declared, once."""
    raw = b"".join(ocel_pieces(events))
    assert raw == b"".join(ocel_pieces(list(events)))
    log = json.loads(raw)
    assert set(log) == {"eventTypes", "objectTypes", "events", "objects"}
    objects = {one["id"]: one for one in log["objects"]}
    assert len(objects) == len(log["objects"])
    declared = {}
    for part in ("eventTypes", "objectTypes"):
        for kind in log[part]:
            assert set(kind) == {"name", "attributes"}
            assert {one["type"] for one in kind["attributes"]} <= {"string", "time", "integer", "float", "boolean"}
            declared[part, kind["name"]] = {one["name"] for one in kind["attributes"]}
    for one in log["events"]:
        assert set(one) == {"id", "type", "time", "attributes", "relationships"}
        assert all(isinstance(value["value"], str) for value in one["attributes"])
        assert {value["name"] for value in one["attributes"]} <= declared["eventTypes", one["type"]]
        assert {related["objectId"] for related in one["relationships"]} <= set(objects)
        pairs = [(related["objectId"], related["qualifier"]) for related in one["relationships"]]
        assert len(pairs) == len(set(pairs)) > 0
    for one in log["objects"]:
        assert set(one) == {"id", "type", "attributes", "relationships"}
        assert {value["name"] for value in one["attributes"]} <= declared["objectTypes", one["type"]]
        assert all(isinstance(value["value"], str) and value["time"] for value in one["attributes"])
        assert {related["objectId"] for related in one["relationships"]} <= set(objects)
    assert [one["id"] for one in log["events"]] == list(map(id_of, events))


def test_an_event_is_related_to_all_that_it_is_about(events):
    """An admission: campaign, school, stage, pupil, vocational school, and who recorded it, each with its part."""
    log = json.loads(b"".join(ocel_pieces(events)))
    objects = {one["id"]: one for one in log["objects"]}
    admitted = next(one for one in log["events"] if one["type"] == "Admitted")
    related = {objects[one["objectId"]]["type"]: one["qualifier"] for one in admitted["relationships"]}
    assert related == {
        "campaign": "in campaign",
        "school": "in school",
        "stage": "in stage",
        "person": "by receiving_school",
        "pupil": "names student",
        "vocational_school": "names school",
    }
    offered = next(one for one in log["events"] if one["type"] == "NoticeOffered")
    assert "notice_version" in {objects[one["objectId"]]["type"] for one in offered["relationships"]}
    pupil = next(one for one in log["objects"] if one["type"] == "pupil")
    place = objects[pupil["relationships"][0]["objectId"]]
    assert (place["type"], objects[place["relationships"][0]["objectId"]]["type"]) == ("class", "school")
    stage = next(one for one in log["objects"] if one["type"] == "stage")
    assert [one["value"] for one in stage["attributes"] if one["name"] == "status"] == ["planned", "open", "completed"]


def test_no_personal_data_are_in_any_export(past, events):
    """Names, numbers, addresses and marks of the county's files: in neither form, in neither case."""
    values = personal_values(past.directory / "county", int(past.campaign.rsplit("/", 1)[1]))
    assert past.names & set(values)
    files = [b"".join(xes_pieces(events, past.campaign, case)) for case in Case] + [b"".join(ocel_pieces(events))]
    for content in files:
        assert [value for value in values if any(spelling in content for spelling in spellings(value))] == []


async def test_the_command_writes_both_forms(past, tmp_path, capsys):
    """The same ledger, the same bytes; traces are for XES only."""
    told = {}
    for form, more in (("xes", ["--case", "pupil"]), ("ocel", []), ("xes", [])):
        file = tmp_path / f"{form}{len(more)}"
        options = ["--format", form, *more, "--data", str(past.directory), "--json"]
        assert await run(["audit", "events", past.campaign, str(file), *options]) == 0
        told[file.name] = (json.loads(capsys.readouterr().out)["digest"], file.read_bytes())
    assert len({digest for digest, _ in told.values()}) == 3
    ordered = in_order(past.events)
    assert told["xes2"][1] == b"".join(xes_pieces(ordered, past.campaign, Case.PUPIL))
    assert told["ocel0"][1] == b"".join(ocel_pieces(ordered))
    options = ["--format", "csv", "--case", "pupil", "--data", str(past.directory), "--json"]
    assert await run(["audit", "events", past.campaign, str(tmp_path / "x"), *options]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "CASE_WITHOUT_XES"


# -- conformance ------------------------------------------------------------------------------------------------------


def test_a_year_that_ran_as_planned_has_only_what_was_late(events):
    """One stage whose sign-off came after the due date; nothing that a family did is a deviation."""
    by_code = found(events)
    assert set(by_code) == {Code.STAGE_LATE}
    [late] = by_code[Code.STAGE_LATE]
    assert (late.stream.rpartition("/")[2], late.detail) == ("identification", {"missing": 1})
    assert any(one["type"] == "ConsentWithdrawn" for one in events)


def test_a_stage_out_of_its_order_is_named_with_what_it_should_have_waited_for(events):
    """Without the sign-off of the stage before it, opening and sign-off of the next are out of order."""
    signed = next(one for one in events if one["type"] == "StageCompleted" and one["stream"].endswith("identification"))
    without = [one for one in events if one is not signed]
    school = signed["stream"].rpartition("/")[0]
    told = found(without)[Code.STAGE_OUT_OF_ORDER]
    assert {one.stream for one in told} == {f"{school}/parent-meetings"}
    assert [one.detail["was"] for one in told] == ["StageOpened", "StageCompleted"]
    opened = next(one for one in events if one["type"] == "StageOpened" and one["stream"] == signed["stream"])
    assert {one.events[1] for one in told} == {id_of(opened)}


def test_a_stage_that_was_reopened_or_skipped_is_named_with_its_reason(events):
    """And one that was open when the campaign closed."""
    stream = next(one["stream"] for one in events if one["stream"].endswith("/retention"))
    last = next(one for one in reversed(events) if one["stream"] == stream)
    version = last["version"]

    def more(number, kind, **data):
        return {**last, "version": version + number, "type": kind, "data": data, "causation": None, "command_id": kind}

    reopened = more(1, "StageReopened", reason="LIST_INCOMPLETE", was="completed")
    by_code = found([*events, reopened, more(2, "StageArchived")])
    [again], [open_] = by_code[Code.STAGE_REOPENED], by_code[Code.STAGE_UNFINISHED]
    assert (again.events[0], again.detail) == (id_of(reopened), {"reason": "LIST_INCOMPLETE"})
    assert (open_.events[1], open_.detail) == (id_of(reopened), {"was": "open"})
    skipped = found([*events, reopened, more(2, "StageSkipped", reason="NO_TIME"), more(3, "StageArchived")])
    assert Code.STAGE_UNFINISHED not in skipped
    assert skipped[Code.STAGE_SKIPPED][0].detail == {"reason": "NO_TIME"}


def test_what_one_command_recorded_late_is_one_deviation(events):
    """More days than the limit, not as many; all events of the command are named."""
    first = next(one for one in events if one["type"] == "HouseholdInvited")
    act = [one for one in events if one["command_id"] == first["command_id"]]
    late = stamp(instant(first["recorded_at"]) - timedelta(days=15))
    moved = [{**one, "occurred_at": late} if one in act else one for one in events]
    [told] = found(moved, 14)[Code.BACK_DATED]
    assert told.events == tuple(map(id_of, act))
    assert (len(act) > 10, told.detail) == (True, {"days": 15})
    assert Code.BACK_DATED not in found(moved, 15)


def test_a_pupils_step_that_the_rules_do_not_have_is_named(events):
    """A registration without a report, an application before its confirmation, and times the wrong way round."""
    pupil = next(one["data"]["student"] for one in events if one["type"] == "Reported")

    def own(kind):
        return next(one for one in events if one["type"] == kind and one["data"].get("student") == pupil)

    without = found([one for one in events if one is not own("Reported")])[Code.STEP_OUT_OF_ORDER]
    assert [(one.student, one.events[0]) for one in without] == [(pupil, id_of(own("RegistrationVerified")))]
    assert without[0].detail == {"at": "ADMITTED", "bar": "NOT_REPORTED_THERE"}
    early = found([one for one in events if one is not own("ConsentConfirmed")])[Code.STEP_OUT_OF_ORDER]
    assert early[0].detail == {"at": "COOLING", "bar": "CONSENT_NOT_CONFIRMED"}
    admitted = {**own("Admitted"), "occurred_at": own("ConsentConfirmed")["occurred_at"]}
    swapped = [admitted if one is own("Admitted") else one for one in events]
    [told] = found(swapped, 999)[Code.TIME_OUT_OF_ORDER]
    assert told.events == (id_of(admitted), id_of(own("ApplicationRecorded")))


def test_a_late_registration_and_a_stream_that_cannot_be_read_are_named():
    """What the rules cannot fold ends the look at that stream and is said; the others are looked at."""
    log = small()
    registered = next(one for one in log if one["type"] == "RegistrationVerified")
    registered["data"]["in_time"] = False
    [late] = found(log)[Code.REGISTERED_LATE]
    assert late.events == (id_of(registered),)
    broken = [{**one, "type": "NoSuchEvent"} if one["stream"] == FILING and one["version"] == 3 else one for one in log]
    [told] = found(broken)[Code.NOT_COMPUTABLE]
    assert (told.events, told.detail) == ((f"{FILING}#3",), {"error": "UnknownEventError"})


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_a_wait_lies_between_two_acts_and_names_whom_it_waited_for(events):
    """From the report at the school to the bureau's check: whole seconds, the record's working days, both events."""
    calendar = calendar_of(events)
    every = waits(events, calendar)
    reported = next(one for one in events if one["type"] == "Reported")
    [wait] = [one for one in every if one.events[0] == id_of(reported)]
    after = next(one for one in events if id_of(one) == wait.events[1])
    begun, ended = instant(reported["occurred_at"]), instant(after["occurred_at"])
    assert wait.seconds == (ended - begun).total_seconds()
    assert wait.working_days == calendar.working_days_between(begun.date(), ended.date())
    assert (wait.waits, wait.waited_for) == (Side.RECEIVING_SCHOOL, Side.BUREAU)
    assert all(one.seconds >= 0 for one in every)
    pairs = [one.events for one in every]
    assert len(pairs) == len(set(pairs))


def test_a_familys_time_is_measured_and_never_listed_as_slow(events):
    """Nor is a rule's term, nor what was only learned of."""
    every = waits(events, None)
    assert any(one.waited_for is Side.FAMILY for one in every)
    listed = slowest(every, len(every))
    assert {one.waited_for for one in listed} <= set(STAFF)
    assert "OtherDestination" not in {one.after for one in listed}
    assert [one.seconds for one in listed] == sorted((one.seconds for one in listed), reverse=True)
    assert len(slowest(every, 3)) == 3
    assert {one.working_days for one in every} == {None}


def test_what_one_command_wrote_is_one_act(events):
    """A contact and what it settles are no wait; two contacts of one pupil are."""
    every = waits(events, None)
    settled = {id_of(one) for one in events if one["type"] == "HouseholdSettled"}
    times = {id_of(one): one["recorded_at"] for one in events}
    assert not [one for one in every if one.events[1] in settled and times[one.events[0]] == times[one.events[1]]]


def test_a_stage_tells_what_it_waited_for_how_long_it_was_open_and_paused(events):
    """The parents' meetings waited for the identification and stood still for a day; that day is no working time."""
    told = {(one.school, one.stage): one for one in spans(events, calendar_of(events))}
    assert len(told) == 10
    school = min(school for school, _ in told)
    meetings, first = told[school, "parent-meetings"], told[school, "identification"]
    assert (first.waited_for, first.waiting) == (WINDOW, 0)
    assert (meetings.waited_for, meetings.paused) == ("identification", 86_400)
    stream = f"campaign/qingshan/2025/{school}/parent-meetings"
    at = {one["type"]: instant(one["occurred_at"]) for one in events if one["stream"] == stream}
    assert meetings.open == (at["StageCompleted"] - at["StageOpened"]).total_seconds()
    assert meetings.working_days == calendar_of(events).working_days_between(
        at["StageOpened"].date(), at["StageCompleted"].date()
    )


def test_a_stage_that_was_reopened_was_open_twice(events):
    """The time between sign-off and reopening is nobody's work."""
    stream = next(one["stream"] for one in events if one["type"] == "StageCompleted")
    signed = next(one for one in events if one["stream"] == stream and one["type"] == "StageCompleted")
    end = instant(signed["occurred_at"])

    def later(number, kind, days, **data):
        when = stamp(end + timedelta(days=days))
        return {**signed, "version": 900 + number, "type": kind, "data": data, "occurred_at": when}

    again = [
        later(1, "StageReopened", 10, reason="X", was="completed"),
        later(2, "StagePaused", 11, scope="school", reason="X"),
        later(3, "StageCompleted", 13, on_time=True),
    ]
    [before] = [one for one in spans(events, None) if one.events[0].startswith(f"{stream}#")]
    [after] = [one for one in spans([*events, *again], None) if one.events[0].startswith(f"{stream}#")]
    assert after.open - before.open == 3 * 86_400
    assert after.paused - before.paused == 2 * 86_400
    assert after.events[1] == f"{stream}#903"


@pytest.mark.parametrize(
    ("values", "median", "ninth"),
    [([7], 7, 7), ([1, 2], 1, 2), ([3, 1, 2], 2, 3), ([*range(1, 11)], 5, 9), ([4] * 11, 4, 4)],
)
def test_median_and_ninth_decile_are_by_nearest_rank(values, median, ninth):
    """So each is a value that really was, and no fraction is rounded."""
    assert (rank(values, 5), rank(values, 9)) == (median, ninth)


def test_every_role_is_on_one_side():
    """A new role must say whose turn it is."""
    assert {side_of(role.value) for role in Role} == set(Side)
    assert {side_of(role) for role in ("guardian", "pupil")} == {Side.FAMILY}


async def test_the_command_shows_deviations_and_bottlenecks(past, capsys, monkeypatch):
    """JSON for programs and tables for people, in both languages; one school alone has its own events only."""
    base = ["audit", "process", past.campaign, "--data", str(past.directory)]
    assert await run([*base, "--json", "--slowest", "4"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["backdate_days"] == 14
    assert data["conformance"]["counts"] == {"STAGE_LATE": 1}
    assert len(data["bottlenecks"]["slowest"]) == 4
    assert [row["stage"] for row in data["bottlenecks"]["stages"]] == [slug.value for slug in StageSlug]
    counts = sum(row["count"] for row in data["bottlenecks"]["steps"])
    assert counts == sum(row["count"] for row in data["bottlenecks"]["sides"]) > 200
    for lang, late in (("zh", "补录过晚"), ("en", "recorded long afterwards")):
        for module in ("cli.language", "cli.audit_process"):
            monkeypatch.setattr(f"{module}.LANG", lang)
        assert await run([*base, "--school", "9900010001", "--backdate-days", "0"]) == 0
        shown = capsys.readouterr().out
        assert late in shown
        assert "9900010002" not in shown


def test_the_small_log_is_read_too():
    """Nothing here needs a county: a log without a calendar or a sign-off has its waits, and no stage is made up."""
    log = small()
    assert {one.stage for one in spans(log, calendar_of(log))} <= {
        "identification",
        "application-filing",
        "retention",
        "school-visits",
    }
    assert any(one.student == P1 for one in waits(log, None))
    assert IDENTIFICATION.startswith("campaign/")
