"""What other rules would have said of acts, notices and call-backs; what is compared with is the record's own word."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import pytest_asyncio
from audit_kernel_year import kernel_year
from audit_memory import MemoryLedger

from audit import what_if_acts, what_if_notices
from audit.what_if import QUESTIONS, changed_by, shipped, what_if
from audit.what_if_acts import COOLING, DAILY_REPORT, REGISTRATION, SIGNATURE, SUSPICION, WRITTEN_REPORT, judged
from audit.what_if_notices import ESCALATION, NOTICE, REMINDER, SAMPLE, listed, planned, samples_of
from domain.events import seal
from domain.policy import PolicyParameters, PolicyRef
from domain.settlement_events import SamplePublished
from domain.time import instant

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from stream_samples import AUDITOR

ALL = (NOTICE, REMINDER, ESCALATION, SAMPLE)


@pytest_asyncio.fixture(scope="module")
async def year(tmp_path_factory):
    """Two schools of twelve pupils through a year, and a sample whose seed was published at its end."""
    past = await kernel_year(tmp_path_factory.mktemp("answers"), 2, 24)
    own = past.streams[past.campaign]
    at = instant(max(events[-1]["recorded_at"] for events in past.streams.values()))
    published = seal(
        SamplePublished(seed="2025-12", digest="0" * 64, size=1, of=1),
        stream=past.campaign,
        version=len(own) + 1,
        prev_hash=own[-1]["hash"],
        occurred_at=at,
        recorded_at=at,
        actor=AUDITOR,
        command_id="sample",
        causation=None,
        policy=PolicyRef.model_validate(own[-1]["policy"]),
    )
    return past.campaign, {**past.streams, past.campaign: [*own, published]}


def of(events, *kinds):
    """Return the events of some types."""
    return [event for stream in sorted(events) for event in events[stream] if event["type"] in kinds]


def place(event):
    """Return an event's id."""
    return f"{event['stream']}#{event['version']}"


def answers(verdicts, question):
    """Return what was answered to a question, by what it is about."""
    return {verdict.about: verdict.answer for verdict in verdicts if verdict.question is question}


def test_judged_by_what_was_held_every_answer_is_the_records_own(year):
    """Registrations, reports, cooling-offs, suspicions, reminders: the events carry what was decided."""
    campaign, streams = year
    verdicts = list(judged(streams))
    registered = of(streams, "RegistrationVerified", "RegistrationCorrected")
    said = {place(one): "IN_TIME" if one["data"]["in_time"] else "LATE" for one in registered}
    assert answers(verdicts, REGISTRATION) == said
    reports = of(streams, "DailyReportFiled", "ZeroReportFiled")
    said = {place(one): "IN_TIME" if one["data"]["on_time"] else "LATE" for one in reports}
    assert answers(verdicts, DAILY_REPORT) == said
    assert {"IN_TIME", "LATE"} == {*said.values()}
    written = {place(one): "IN_TIME" if one["data"]["on_time"] else "LATE" for one in of(streams, "WrittenReportFiled")}
    assert answers(verdicts, WRITTEN_REPORT) == written
    ends = {place(one): one["data"]["ends"] for one in of(streams, "CoolingStarted")}
    found = answers(verdicts, COOLING)
    assert {name: instant(end) for name, end in found.items()} == {name: instant(end) for name, end in ends.items()}
    assert {*answers(verdicts, SIGNATURE).values()} == {"ALLOWED"}
    suspected = {one["data"]["student"] for one in of(streams, "SuspectedDropout")}
    assert {verdict.student for verdict in verdicts if verdict.question is SUSPICION} == suspected
    assert all((registered, written, ends, suspected))
    told = [
        *((one["stream"], str(one["data"]["working_days_left"]), one) for one in of(streams, "StageReminded")),
        *(
            (one["stream"], f"{one['data']['level']} {one['data']['to_role']}", one)
            for one in of(streams, "StageEscalated")
        ),
    ]
    named = [verdict for verdict in planned(streams, campaign) if verdict.question in (REMINDER, ESCALATION)]
    found = sorted((one.about.split(" ")[0], one.about.split(" ", 2)[2], one.answer) for one in named)
    assert found == sorted((stream, what, one["recorded_at"]) for stream, what, one in told)
    assert found


async def test_the_same_rules_change_no_answer_byte_for_byte(year):
    """By the campaign's own profile, by a file that says what holds, and under another name."""
    campaign, streams = year
    held = MemoryLedger(streams)
    for rules in (
        shipped("compliant"),
        changed_by({"cooling_off_days": 7, "registration_deadline": "11-20"}),
        lambda policy: policy.model_copy(update={"id": "another-name", "version": 9}),
    ):
        found = await what_if(held, campaign, rules)
        assert found.bytes == b'{"answers":[],"county":[],"schools":[]}', found.parameters
        assert found.not_computable == ()
    assert {name for name, count in found.looked_at.items() if not count} <= {"escalation"}


async def answered(year, question, **parameters):
    """Return the changes of one question under other parameters, and that no other question changed."""
    campaign, streams = year
    found = await what_if(MemoryLedger(streams), campaign, changed_by(parameters))
    told = {row["question"]: row for row in found.answers}
    assert set(told) == {question.name}, parameters
    assert told[question.name]["rule"] == question.rule
    assert set(parameters) <= set(told[question.name]["parameters"])
    assert found.not_looked_at == ()
    rows = [change for school in told[question.name]["schools"] for change in school["changes"]]
    assert rows
    return rows


async def test_who_would_have_been_late_by_an_earlier_deadline(year):
    """P24: the registrations after the other day are late; those before it are not named."""
    registered = of(year[1], "RegistrationVerified")
    days = sorted(one["data"]["on"] for one in registered)
    rows = await answered(year, REGISTRATION, registration_deadline=days[0][5:])
    assert {row["about"] for row in rows} == {place(one) for one in registered if one["data"]["on"] > days[0]}
    assert {(row["was"], row["is"]) for row in rows} == {("IN_TIME", "LATE")}
    assert {row["student"] for row in rows} <= {one["data"]["student"] for one in registered}


async def test_which_reports_would_have_been_late_by_an_earlier_hour(year):
    """R-13: every report of the afternoon is late at noon."""
    rows = await answered(year, DAILY_REPORT, daily_report_due="12:00")
    assert {(row["was"], row["is"]) for row in rows} == {("IN_TIME", "LATE")}
    assert {row["student"] for row in rows} == {None}


async def test_how_long_families_would_have_had(year):
    """R-11: four days less, by pupil; and a wait of a month would have refused every signature of the year."""
    rows = await answered(year, COOLING, cooling_off_days=3)
    assert {(instant(row["was"]) - instant(row["is"])).days for row in rows} == {4}
    assert all(row["student"].startswith("stu_") for row in rows)
    rows = await answered(year, SIGNATURE, signature_wait_hours=24 * 30)
    assert {row["is"] for row in rows} == {"SIGNED_TOO_EARLY"}


async def test_who_would_have_been_suspected_sooner_or_not_by_what_is_recorded(year):
    """R-15: a shorter clock has an earlier day; a longer one none, for nobody notes absences of who is in a case."""
    sooner = await answered(year, SUSPICION, dropout_clock=[1, 2, 2])
    assert all(row["is"] < row["was"] for row in sooner)
    later = await answered(year, SUSPICION, dropout_clock=[1, 2, 30], absence_pattern_days=30)
    assert {row["is"] for row in later} == {None}
    assert {row["student"] for row in sooner} == {row["student"] for row in later}


async def test_which_notices_would_have_waited(year):
    """DOMAIN §5.4: what may go by day waits where the whole day is quiet; until when is told."""
    rows = await answered(year, NOTICE, quiet_from="00:00", quiet_until="23:00")
    assert {row["is"].split()[0] for row in rows} == {"QUIET_HOURS"}
    assert "MAY_GO" in {row["was"] for row in rows}
    assert all("T23:00" in row["is"] for row in rows)


async def test_which_reminders_and_escalations_the_staff_would_have_had(year):
    """S12: on other days, and the ones of before are gone."""
    rows = await answered(year, REMINDER, reminder_working_days=[5])
    assert {(row["was"] is None, row["is"] is None) for row in rows} == {(True, False), (False, True)}
    assert {row["about"].split()[2] for row in rows if row["is"]} == {"5"}
    rows = await answered(year, ESCALATION, escalation_working_days=[2, 4, 6])
    assert all(row["was"] != row["is"] for row in rows)


async def test_whom_the_bureau_would_have_called(year):
    """R-21: at a rate of one all consents are drawn; nobody of before is left out."""
    rows = await answered(year, SAMPLE, callback_rate_autumn="1")
    assert {row["was"] for row in rows} == {None}
    campaign, streams = year
    drawn = {one.student for one in listed(await samples_of(MemoryLedger(streams), campaign, streams[campaign]))}
    assert drawn
    assert not drawn & {row["student"] for row in rows}


async def test_outside_schools_are_counted_and_nobody_is_named(year):
    """R-22: how many of each school, and nothing where they are few."""
    campaign, streams = year
    found = await what_if(
        MemoryLedger(streams),
        campaign,
        changed_by({"registration_deadline": "01-01", "daily_report_due": "12:00"}),
        public=True,
    )
    assert b"stu_" not in found.bytes
    shown = {row["question"]: row["schools"] for row in found.answers}
    assert {row["changed"] for row in shown["registration"]} == {None}
    assert all(row["changed"] >= 5 for row in shown["daily_report"])


async def test_a_stream_that_no_rule_can_fold_is_named_and_not_judged(year):
    """A hand-made stream: nothing of it is told, and its name is."""
    _, streams = year
    odd = next(stream for stream in streams if stream.endswith("/attendance"))
    broken = copy.deepcopy({**streams, odd: [streams[odd][0], *streams[odd][1:2]]})
    broken[odd][1]["type"] = "Juggled"
    gone: dict[str, None] = {}
    assert not [one for one in judged(broken, None, gone) if one.about.startswith(odd)]
    assert list(gone) == [odd]


class Watched:
    """Parameters that note which of them are asked for."""

    def __init__(self, parameters, asked):
        self.parameters = parameters
        self.asked = asked

    def __getattr__(self, name):
        if name in PolicyParameters.model_fields:
            self.asked[name] = None
        return getattr(self.parameters, name)


@pytest.mark.parametrize("of_acts", [True, False])
async def test_every_parameter_that_the_answers_follow_is_named(year, of_acts):
    """What the rules ask for stands with a question: no change of it can pass for no change."""
    campaign, streams = year
    asked: dict[str, None] = {}

    def watching(policy):
        return policy.model_copy(update={"parameters": Watched(policy.parameters, asked)})

    if of_acts:
        list(judged(streams, watching))
        named = {name for question in what_if_acts.QUESTIONS for name in question.parameters}
        assert set(asked) == named - {"signing_lead_days", "short_cooling_hours"}  # of a window, and the year has none
        return
    list(planned(streams, campaign, watching))
    list(listed(await samples_of(MemoryLedger(streams), campaign, streams[campaign]), watching))
    named = {name for question in what_if_notices.QUESTIONS for name in question.parameters}
    assert set(asked) - {"household_daily", "phone_task_days"} == named  # for what only the people's rows know
    assert len(QUESTIONS) == len(what_if_acts.QUESTIONS) + len(ALL)
