"""A rehearsed year runs through all five stages, shows what the rules refuse, and can be told from its seed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from workflows_kernel import driven

from domain.family_act import FamilyAct, is_signed_by
from domain.kernel import Kernel
from domain.stage_events import StageSlug
from registry.store import Registry
from rehearsal.county import make_county
from rehearsal.driver import DriverReport, Planned
from rehearsal.families import FamilyGateway
from rehearsal.scene import one_at_a_time
from rehearsal.year import YearPlan, plan_year

REFUSED = {
    "ACT_NOT_SIGNED",
    "CASE_NOT_CLOSABLE",
    "CODE_WRONG",
    "DATA_UNKNOWN_NEEDS_HELP",
    "FUNDING_GATE",
    "NOT_COMPLETE",
    "PUBLICITY_NOT_APPROVED",
    "ROLE_NOT_ALLOWED",
    "ROWS_REFUSED",
    "SCHOOL_NOT_LISTED",
    "SELF_APPROVAL",
    "WRONG_SCHOOL",
}
"""What the people of a large enough county try and may not."""

ON_RECORD = {
    ("approve", "SELF_APPROVAL"),
    ("deliver_family_acts", "ACT_NOT_SIGNED"),
    ("freeze", "WRONG_SCHOOL"),
    ("plan_trip", "SCHOOL_NOT_LISTED"),
    ("record_admissions", "WRONG_SCHOOL"),
    ("record_checkpoints", "WRONG_SCHOOL"),
    ("record_presentation", "PUBLICITY_NOT_APPROVED"),
    ("report_family_code", "CODE_WRONG"),
    ("state_intent", "ROLE_NOT_ALLOWED"),
}
"""Attempts that an auditor must be able to see."""

HAPPENS = {
    *("CampusVisitCancelled", "CampusVisitHeld", "CheckpointDue", "ComplaintAcknowledged", "CaseClosedNoted"),
    *("ConsentRefused", "ConsentSigned", "DestinationConflicting", "DestinationResolved", "DestinationSettled"),
    *("EvidenceConflicting", "EvidenceResolved", "FamilyContacted", "IntentStated", "LawfulTransfer", "LeftRegister"),
    *("Lost", "NoShow", "NotAdmitted", "OtherDestination", "PublicityVisitRegistered", "RegistrationDeadlineReached"),
    *("RegistrationVerified", "Retained", "RetentionConfirmed", "SeatOffered", "SeatWithdrawn", "StudentJoined"),
    *("StageEscalated", "StageOverdue", "SuspendedStudy"),
    *("CallbackMade", "ConsentConfirmed", "ConsentKept", "ConsentObjected", "ConsentSuspended", "CoolingStarted"),
    *("DataConsentGiven", "GuardianshipRecorded", "SuspensionLifted", "WithdrawalReported"),
    *("AbsenceExplained", "DropoutCaseOpened", "ItemClosed", "MonthlyReportFiled", "PersuasionAttempted"),
    *("ReportFiledLate", "ReportMissed", "ReturnedToSchool", "SuspectedDropout", "WeeklyReportFiled"),
    *("WrittenReportFiled", "ZeroReportContradicted", "ZeroReportFiled"),
    *("LeadingGroupFormed", "ResponsibilityLetterSigned", "StudentsPartitioned"),
    *("ClassQuotaReassigned", "TargetAcknowledged", "TargetObjected", "TargetRevised", "TargetsApproved"),
    *("HoldPlaced", "HoldReleased", "CaseHoldNoted", "InvestigationOpened", "ViolationDismissed"),
    *("PolicyAdopted", "PolicyChangeAnnounced", "PolicyChangeApproved"),
    *("DropoutRatesAdded", "FundingSourceDeclared", "SettlementApproved", "SettlementComputed", "SettlementPublished"),
    "SettlementReviewed",
}


@pytest.fixture
async def registry(tmp_path: Path) -> Registry:
    """Return a registry for a plan."""
    opened = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'people.db'}", b"p" * 32)
    yield opened
    await opened.close()


@dataclass(frozen=True)
class Year:
    """A finished year on the kernel."""

    plan: YearPlan
    kernel: Kernel
    report: DriverReport

    def statuses(self, stage: str) -> Counter[str]:
        """Return how many schools stand where with a stage."""
        return Counter(machine.view()["status"] for name, machine in self.machines(stage))

    def on_time(self, stage: str) -> list[bool]:
        """Return, by school, whether a stage was completed on time."""
        return [machine.view()["on_time"] for _, machine in sorted(self.machines(stage))]

    def machines(self, stage: str) -> list[tuple[str, Any]]:
        """Return every school's stream of a stage."""
        return [(name, machine) for name, machine in self.kernel.machines.items() if name.endswith(f"/{stage}")]

    def data(self, event: str) -> list[dict[str, Any]]:
        """Return what all events of a type say."""
        return [envelope["data"] for envelope in self.events if envelope["type"] == event]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return all events."""
        return [envelope for events in self.kernel.ledger.values() for envelope in events]


async def year(registry: Registry, files: Path, schools: int, pupils: int, seed: int = 1) -> Year:
    """Rehearse a county's year."""
    make_county(files, schools, pupils, seed)
    return await rehearsed(registry, files, seed)


async def rehearsed(registry: Registry, files: Path, seed: int = 1) -> Year:
    """Rehearse the year of files that are there."""
    plan = await plan_year(registry, files, seed, settles=True)
    return Year(plan, *await driven(registry, plan))


def given(plan: YearPlan, kind: str) -> list[Planned]:
    """Return the planned commands of a kind."""
    return [planned for planned in plan.commands if planned.command["kind"] == kind]


@pytest.mark.parametrize(
    ("schools", "pupils", "seed"),
    [(1, 1, 1), (1, 1, 2), (2, 9, 3), (5, 100, 1), (5, 100, 3), (5, 100, 5), (3, 360, 1), (3, 360, 2)],
)
async def test_every_school_completes_all_five_stages(
    registry: Registry, tmp_path: Path, schools: int, pupils: int, seed: int
) -> None:
    """Whatever is drawn: schools of one pupil, schools below the quorum, schools where nobody signs."""
    done = await year(registry, tmp_path / "county", schools, pupils, seed)
    assert [done.statuses(slug.value) for slug in StageSlug] == [{"completed": schools}] * len(StageSlug)


@pytest.fixture(scope="module")
async def county_year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    """Return the year of three schools, which several tests read."""
    place = tmp_path_factory.mktemp("county-year")
    opened = await Registry.open(f"sqlite+aiosqlite:///{place / 'people.db'}", b"p" * 32)
    try:
        return await year(opened, place / "county", 3, 360)
    finally:
        await opened.close()


async def test_the_year_of_a_county_shows_what_a_year_is_made_of(county_year: Year) -> None:
    """Trips with no-shows, withdrawals of both kinds, a pupil who leaves and one who joins, and what was refused."""
    types = Counter(envelope["type"] for envelope in county_year.events)
    assert HAPPENS - set(types) == set()
    assert set(county_year.report.refusals) == REFUSED
    kept = {
        (envelope["data"]["command"], envelope["data"]["code"])
        for envelope in county_year.events
        if envelope["type"] == "CommandRefused"
    }
    assert kept == ON_RECORD

    assert any(held["no_shows"] and held["present"] for held in county_year.data("CampusVisitHeld"))
    assert {withdrawn["late"] for withdrawn in county_year.data("ConsentWithdrawn")} == {True, False}
    assert {verified["in_time"] for verified in county_year.data("RegistrationVerified")} == {True}
    assert [reached["open"] for reached in county_year.data("RegistrationDeadlineReached")].count(1) == 1
    assert len(county_year.data("Retained")) > 30
    assert "JoinerOverdue" not in types  # the late joiners are served in their own term
    assert county_year.on_time("application-filing") == [True, True, False]
    assert county_year.on_time("retention") == county_year.on_time("school-visits") == [True, True, True]


async def test_every_refusal_is_one_that_somebody_was_meant_to_meet(county_year: Year) -> None:
    """A list of five hundred rows that fails for one of them would leave a school without its year, unnoticed."""
    lost, mistaken = len(county_year.data("Lost")), 2  # the third school's first trip is called off beforehand
    assert county_year.report.refusals["ROWS_REFUSED"] == lost + mistaken
    assert county_year.report.refusals["ACT_NOT_SIGNED"] == len(county_year.plan.draft.pupils)
    assert county_year.report.refusals["FUNDING_GATE"] == county_year.report.refusals["CASE_NOT_CLOSABLE"] == 1
    assert county_year.data("FamilyActRefused") == []


async def test_a_doubted_consent_waits_for_the_family_and_then_stands(county_year: Year) -> None:
    """A reported withdrawal and two guardians who disagree: nobody but the family ends either, and both go on."""
    for event in ("WithdrawalReported", "ConsentObjected"):
        [doubted] = county_year.data(event)
        own = [
            envelope["type"] for envelope in county_year.events if envelope["data"].get("student") == doubted["student"]
        ]
        course = (event, "ConsentKept", "SuspensionLifted", "ConsentConfirmed", "ApplicationRecorded", "Admitted")
        places = [own.index(step) for step in course]
        assert places == sorted(places)
    kept = [envelope for envelope in county_year.events if envelope["type"] == "ConsentKept"]
    assert {envelope["actor"]["role"] for envelope in kept} == {"guardian"}


async def test_nobody_under_14_signs_without_a_guardians_agreement_to_the_data(county_year: Year) -> None:
    """The county has one such pupil, whose family agrees before it signs (R-17)."""
    [young] = county_year.data("DataConsentGiven")
    signed = [one for one in county_year.data("ConsentSigned") if one["student"] == young["student"]]
    assert {one["party"] for one in signed} == {"guardian", "pupil"}


async def test_a_pupil_who_stays_away_is_brought_back_and_the_case_ends(county_year: Year) -> None:
    """Three days without a reason, a visit, a written report, the return, and ten days at school (R-15)."""
    [case] = [stream for stream in county_year.kernel.ledger if "/dropout/" in stream]
    types = [envelope["type"] for envelope in county_year.kernel.ledger[case]]
    steps = ["PersuasionAttempted", "WrittenReportFiled", "ReturnedToSchool", "ItemClosed"]
    assert [types.index(step) for step in steps] == sorted(types.index(step) for step in steps)
    assert county_year.kernel.machines[case].view()["status"] == "closed"


async def test_the_settlement_counts_what_was_held_on_the_last_day_and_pays_nothing(county_year: Year) -> None:
    """The own profile's run is audited, approved by two others and published; the historical one stays a trial."""
    own, trial = county_year.data("SettlementComputed")
    assert (own["as_at"], own["shadow"], trial["shadow"]) == ("2025-11-21T00:00:00+08:00", False, True)
    counted = sum(line["countable"] for line in own["lines"])
    in_time = len(county_year.data("RegistrationVerified"))
    assert 0 < counted <= in_time
    [revised] = county_year.data("TargetRevised")
    assert sum(line["quota"] for line in own["lines"]) == revised["total"]
    acts = [envelope for envelope in county_year.events if envelope["data"].get("run") == own["run"]]
    assert [envelope["type"] for envelope in acts] == [
        *("SettlementComputed", "DropoutRatesAdded", "SettlementReviewed", "SettlementApproved", "SettlementApproved"),
        "SettlementPublished",
    ]
    looked = [acts[0], *acts[2:-1]]  # who computed it wrote its losses too
    assert len({envelope["actor"]["id"] for envelope in looked}) == len(looked)
    assert county_year.data("PaymentOrdered") == []


async def test_a_new_version_of_the_policy_reaches_every_stream_that_is_at_work(county_year: Year) -> None:
    """Announced, approved by another person, adopted on its day; what was decided before stands under the old one."""
    adopted = [envelope for envelope in county_year.events if envelope["type"] == "PolicyAdopted"]
    assert {envelope["recorded_at"][:10] for envelope in adopted} == {
        county_year.data("PolicyChangeAnnounced")[0]["effective_from"]
    }
    streams = {envelope["stream"] for envelope in adopted}
    stages = {name for slug in StageSlug for name, _ in county_year.machines(slug.value)}
    assert stages < streams
    assert {envelope["policy"]["version"] for envelope in county_year.events} == {1, 2}


async def test_a_year_without_a_count_has_no_settlement(registry: Registry, tmp_path: Path) -> None:
    """Whoever drives without a record to count leaves the settlement out, and nothing else."""
    make_county(tmp_path / "county", 1, 40, 1)
    whole, without = [await plan_year(registry, tmp_path / "county", 1, settles=settles) for settles in (True, False)]
    left_out = [one for one in whole.commands if one not in without.commands]
    assert [one.command["kind"] for one in left_out if one.counted_at] == ["compute_settlement"] * 2
    assert len(whole.commands) == len(without.commands) + len(left_out)
    assert all("settlement" in kind or kind in ("declare_funding", "order_payment") for kind in map(_kind, left_out))


async def test_a_seed_gives_one_plan_and_another_seed_another(registry: Registry, tmp_path: Path) -> None:
    """The plan is made before anything runs, to the byte."""
    make_county(tmp_path / "county", 2, 60, 1)
    first, again, other = [await plan_year(registry, tmp_path / "county", seed) for seed in (1, 1, 2)]
    assert first.commands == again.commands
    assert first.draft.content == again.draft.content
    assert first.commands != other.commands
    assert first.draft.content["gateway"] != other.draft.content["gateway"]


async def test_families_act_by_a_signature_only_and_in_lists_of_a_day(registry: Registry, tmp_path: Path) -> None:
    """No person of the staff gives a family's act; each is signed by the key of the draft, but for the forged ones."""
    make_county(tmp_path / "county", 1, 1000, 1)
    plan = await plan_year(registry, tmp_path / "county", 1)
    key = plan.draft.content["gateway"]["public_key"]
    deliveries = given(plan, "deliver_family_acts")
    assert {planned.command["actor"]["role"] for planned in deliveries} == {"gateway"}
    acts = [FamilyAct.model_validate(act) for planned in deliveries for act in planned.command["acts"]]
    assert Counter(is_signed_by(act, key) for act in acts)[False] == 1
    assert max(len(planned.command["acts"]) for planned in deliveries) <= 200
    assert len({act.act_id for act in acts}) == len(acts)
    assert all(act.at <= planned.at for planned in deliveries for act in map(_read, planned.command["acts"]))


async def test_signatures_come_a_day_after_the_acknowledgement_at_the_earliest(
    registry: Registry, tmp_path: Path
) -> None:
    """A family sleeps on it (`signature_wait_hours`); both sign for the same listed school."""
    make_county(tmp_path / "county", 1, 200, 1)
    plan = await plan_year(registry, tmp_path / "county", 1)
    acts = [_read(act) for planned in given(plan, "deliver_family_acts") for act in planned.command["acts"]]
    told = {act.student: act.at for act in acts if act.act == "acknowledge"}
    signed = [act for act in acts if act.act == "sign"]
    assert signed
    assert all(act.at - told[act.student] >= timedelta(hours=24) for act in signed)
    schools: dict[str, set[str | None]] = {}
    for act in signed:
        schools.setdefault(act.student, set()).add(act.destination)
    assert all(len(named) == 1 and named <= set(plan.draft.content["qualified_schools"]) for named in schools.values())


async def test_another_gateway_signs_where_one_is_given(registry: Registry, tmp_path: Path) -> None:
    """The rehearsal knows a port, not a key."""
    make_county(tmp_path / "county", 1, 10, 1)
    other = FamilyGateway.seeded(77)
    plan = await plan_year(registry, tmp_path / "county", 1, other)
    assert plan.draft.content["gateway"] == other.key.model_dump()
    acts = [act for planned in given(plan, "deliver_family_acts") for act in planned.command["acts"]]
    assert {act["key_id"] for act in acts} == {other.key.key_id}


@pytest.mark.parametrize(("schools", "pupils", "most"), [(1, 200, 55), (3, 360, 60)])
async def test_a_class_needs_few_commands(
    registry: Registry, tmp_path: Path, schools: int, pupils: int, most: int
) -> None:
    """Staff give lists, not pupils one by one: what a year costs grows with classes."""
    make_county(tmp_path / "county", schools, pupils, 1)
    plan = await plan_year(registry, tmp_path / "county", 1)
    classes = sum(entry["classes"] for entry in plan.draft.content["schools"])
    assert len(plan.commands) <= most * classes


async def test_no_stream_gets_two_commands_at_one_instant(registry: Registry, tmp_path: Path) -> None:
    """A driver that is started again tells by the instant what an earlier one gave, refused or not."""
    make_county(tmp_path / "county", 1, 200, 1)
    plan = await plan_year(registry, tmp_path / "county", 1)
    places = Counter((planned.stream, planned.at) for planned in plan.commands)
    assert max(places.values()) == 1
    assert list(plan.commands) == sorted(plan.commands, key=lambda planned: planned.at)
    when = plan.started_at
    same = [Planned(when, "a", {"n": 1}), Planned(when, "a", {"n": 2}), Planned(when, "b", {"n": 3})]
    spread = [(planned.command["n"], planned.at - when) for planned in one_at_a_time(same)]
    assert spread == [(1, timedelta(0)), (2, timedelta(seconds=1)), (3, timedelta(0))]


@pytest.mark.parametrize("listed", ["[]", '["9900019001"]'])
async def test_a_county_with_few_listed_schools_ends_its_year_too(
    registry: Registry, tmp_path: Path, listed: str
) -> None:
    """Without a school to visit the bureau leaves the visits out; nobody can sign, and filing completes as well."""
    _rewrite(tmp_path / "county", listed)
    done = await rehearsed(registry, tmp_path / "county")
    assert done.statuses("school-visits") == ({"skipped": 2} if listed == "[]" else {"completed": 2})
    assert done.statuses("application-filing") == done.statuses("retention") == {"completed": 2}
    assert bool(done.data("ConsentSigned")) is (listed != "[]")


async def test_a_county_whose_applications_have_a_window_ends_its_year_too(registry: Registry, tmp_path: Path) -> None:
    """Signing is offered late and the official system locks early: the bureau calls before a short cooling-off ends."""
    make_county(tmp_path / "county", 3, 360, 1)
    campaign = tmp_path / "county" / "campaign.toml"
    window = "[application_window]\nfirst = 2025-06-20\nlast = 2025-06-26\n\n[identification]"
    campaign.write_text(campaign.read_text().replace("[identification]", window))
    done = await rehearsed(registry, tmp_path / "county")
    assert done.statuses("application-filing") == done.statuses("retention") == {"completed": 3}
    assert {started["short"] for started in done.data("CoolingStarted")} == {True, False}
    assert "short_cooling" in {made["purpose"] for made in done.data("CallbackMade")}
    assert done.data("FamilyActRefused") == []
    assert set(done.report.refusals) == REFUSED


async def test_files_without_days_of_attendance_and_without_targets_rehearse_too(
    registry: Registry, tmp_path: Path
) -> None:
    """Schools then report every day until graduation, no target is revised, and every quota is 0."""
    make_county(tmp_path / "county", 1, 40, 1)
    campaign = tmp_path / "county" / "campaign.toml"
    parts = [part for part in campaign.read_text().split("\n\n") if not part.startswith(("[attendance]", "[targets]"))]
    campaign.write_text("\n\n".join(re.sub(r"(?m)^quotas = .*$", "", part) for part in parts))
    done = await rehearsed(registry, tmp_path / "county")
    assert [done.statuses(slug.value) for slug in StageSlug] == [{"completed": 1}] * len(StageSlug)
    assert len(given(done.plan, "file_daily_report")) > 100
    assert done.data("TargetRevised") == []
    assert {line["quota"] for line in done.data("SettlementComputed")[0]["lines"]} == {0}


async def test_people_whom_the_staff_list_lacks_are_stood_in_for(registry: Registry, tmp_path: Path) -> None:
    """An empty staff list rehearses as well: real files are often incomplete when a campaign is prepared."""
    make_county(tmp_path / "county", 1, 60, 1)
    staff = tmp_path / "county" / "staff.csv"
    staff.write_text(staff.read_text().splitlines()[0] + "\n")
    done = await rehearsed(registry, tmp_path / "county")
    assert done.statuses("retention") == {"completed": 1}


@pytest.mark.parametrize("graduation", [2024, 2027])
async def test_other_years_end_too_also_on_unpublished_calendars(
    registry: Registry, tmp_path: Path, graduation: int
) -> None:
    """Where the working days of a year are not published the plan counts natural days."""
    make_county(tmp_path / "county", 1, 60, 1, year=graduation)
    done = await rehearsed(registry, tmp_path / "county")
    assert [done.statuses(slug.value) for slug in StageSlug] == [{"completed": 1}] * len(StageSlug)


def _kind(planned: Planned) -> str:
    return str(planned.command["kind"])


def _read(act: dict[str, Any]) -> FamilyAct:
    return FamilyAct.model_validate(act)


def _rewrite(files: Path, listed: str) -> None:
    """Make a county with another list of schools and without their staff."""
    make_county(files, 2, 80, 1)
    campaign, staff = files / "campaign.toml", files / "staff.csv"
    lines = campaign.read_text().splitlines()
    campaign.write_text("\n".join(f"qualified_schools = {listed}" if "qualified" in one else one for one in lines))
    people = [one for one in staff.read_text().splitlines() if "receiving_school" not in one]
    staff.write_text("\n".join(people) + "\n")
