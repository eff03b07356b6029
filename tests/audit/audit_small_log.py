"""A small campaign written event by event, with everything in it that an invariant looks at.

Nothing here goes through a decider: an invariant must find what a decider would never write.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`

from stream_samples import (
    APPROVER,
    AUDITOR,
    CALENDAR,
    CAMPAIGN,
    DIGEST,
    GRADE,
    HEAD,
    OFFICER,
    PRINCIPAL,
    RULE,
    SCHOOL,
    person,
    policy,
    pupils,
    when,
)

import domain.aid_events as aid
import domain.application_filing_events as filing
import domain.attendance_events as watching
import domain.campaign_events as campaign
import domain.care_events as care
import domain.compliance_case_events as case
import domain.compliance_events as compliance
import domain.dropout_events as dropout
import domain.filing_consent_events as consent
import domain.retention_events as retention
import domain.school_events as school
import domain.school_visits_events as visits
import domain.settlement_events as settlement
import domain.stage_events as stage
import domain.targets_events as targets
import domain.watch_events as watch
from audit.invariants import Log
from domain import identification
from domain.actors import ANONYMOUS, SYSTEM, Actor, Role
from domain.events import GENESIS, Envelope, Event, PolicyAdopted, seal
from domain.policy import PolicyProfile

OTHER = "9900010002"
RECEIVING = "9900020001"
CLASS = "2026-01"
NOTICE = "notice-1"
DOCUMENT = "青教发〔2026〕12号"
P1, P2, P3, P4, P5, Q1 = pupils(1, 2, 3, 4, 5, 6)
CLERK = person("clerk", Role.BUREAU_OFFICER, "bureau")
SECOND = person("approver2", Role.BUREAU_APPROVER, "bureau")
DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
REGISTRAR = person("registrar", Role.REGISTER_OFFICER, "bureau")
PAYING = {"payable": True, "reward_tiers": [["1/1", 300], ["4/5", 200], ["3/5", 100]], "penalty": 50}
PROFILE: PolicyProfile = policy(**PAYING)

AT_SCHOOL = f"{CAMPAIGN}/{SCHOOL}"
AT_OTHER = f"{CAMPAIGN}/{OTHER}"
FILING = f"{AT_SCHOOL}/application-filing"
RETENTION = f"{AT_SCHOOL}/retention"
IDENTIFICATION = f"{AT_SCHOOL}/identification"
VISITS = f"{AT_SCHOOL}/school-visits"
ATTENDANCE = f"{AT_SCHOOL}/attendance"
DROPOUT = f"{AT_SCHOOL}/dropout/{P5}"
CASE = f"{CAMPAIGN}/compliance/c-1"

Streams = dict[str, list[Envelope]]
Who = Actor | str


def guardian(student: str) -> Actor:
    """Return a pupil's guardian."""
    reference = student.replace("stu_", "gdn_")
    return Actor(id=reference, role=Role.GUARDIAN, organisation=SCHOOL, authenticated_by="family_code")


def pupil(student: str) -> Actor:
    """Return a pupil as somebody who acts."""
    return Actor(id=student, role=Role.PUPIL, organisation=SCHOOL, authenticated_by="family_code")


class Book:
    """Streams that are written line by line."""

    def __init__(self, streams: Streams | None = None) -> None:
        self.streams: Streams = {} if streams is None else streams
        self._acts = 0

    def write(self, stream: str, event: Event, at: str, who: Actor = SYSTEM, command: str | None = None) -> Envelope:
        """Append an event that happened, and was recorded, at a civil time of the county."""
        before = self.streams.setdefault(stream, [])
        moment: datetime = when(at)
        envelope = seal(
            event,
            stream=stream,
            version=len(before) + 1,
            prev_hash=before[-1]["hash"] if before else GENESIS,
            occurred_at=moment,
            recorded_at=moment,
            actor=who,
            command_id=command or (None if who is SYSTEM else f"{stream}-{len(before) + 1}"),
            causation=None,
            policy=PROFILE.ref,
        )
        before.append(envelope)
        return envelope

    def act(self, made: type[filing.FamilyEvent], student: str, party: str, at: str, **fields: Any) -> Envelope:
        """Append what a pupil or a guardian did."""
        self._acts += 1
        event = made(student=student, party=party, act=f"act_{self._acts:010d}", **fields)
        return self.write(FILING, event, at, guardian(student) if party == "guardian" else pupil(student))


def good() -> Streams:
    """Return the whole log: nothing in it breaks an invariant."""
    book = Book()
    _begin(book)
    _visit(book)
    _identify(book)
    _watch(book)
    _file(book)
    _retain(book)
    _complain(book)
    _aid(book)
    _settle(book)
    return book.streams


def log_of(streams: Streams) -> Log:
    """Return the log of these streams."""
    return Log(CAMPAIGN, streams)


# -- the campaign's year --------------------------------------------------------------------------------------------


def _begin(book: Book) -> None:
    frozen = PROFILE.model_dump(mode="json")
    calendar = CALENDAR.model_dump(mode="json")
    window = {"application-filing": campaign.StageWindow(opens=date(2026, 5, 11), due=date(2026, 11, 20))}
    entry = campaign.SchoolEntry(code=SCHOOL, snapshot="snp_000001", snapshot_digest=DIGEST, pupils=5, classes=1)
    drafted = campaign.CampaignDrafted(
        campaign=CAMPAIGN,
        county="qingshan",
        year=2026,
        clock="engine",
        content_digest=DIGEST,
        policy=frozen,
        calendar=calendar,
        rule=RULE,
        stages=window,
        schools=(entry,),
        qualified_schools=(RECEIVING,),
        release=3,
    )
    book.write(CAMPAIGN, drafted, "2025-10-20 08:00", OFFICER)
    book.write(CAMPAIGN, campaign.CampaignApproved(content_digest=DIGEST), "2025-10-20 09:00", APPROVER)
    numbers: dict[str, Any] = {"document": "T-1", "effective": date(2025, 11, 1), "wave": "autumn"}
    issued = targets.TargetsIssued(**numbers, schools={SCHOOL: 2, OTHER: 0}, total=2, backdated=False)
    book.write(CAMPAIGN, issued, "2025-10-21 09:00", OFFICER)
    book.write(CAMPAIGN, targets.TargetsApproved(document="T-1", waves=("autumn",)), "2025-10-22 09:00", APPROVER)
    assigned = targets.ClassQuotaAssigned(**numbers, school=SCHOOL, classes={CLASS: 2})
    book.write(CAMPAIGN, assigned, "2025-10-23 09:00", PRINCIPAL)
    cohorts = {AT_SCHOOL: (P1, P2, P3, P4, P5), AT_OTHER: (Q1,)}
    for stream, cohort in cohorts.items():
        code = stream.rpartition("/")[2]
        started = school.SchoolCampaignStarted(
            campaign=CAMPAIGN,
            county="qingshan",
            year=2026,
            school=code,
            entry=entry.model_copy(update={"code": code}),
            stages=window,
            policy=frozen,
            calendar=calendar,
            rule=RULE,
            release=3,
        )
        book.write(stream, started, "2025-10-24 08:00")
        loaded = school.CohortLoaded(
            snapshot="snp_000001",
            snapshot_digest=DIGEST,
            classes={CLASS: cohort},
            under_14=(P2,) if stream == AT_SCHOOL else (),
        )
        book.write(stream, loaded, "2025-10-24 08:01")
    carers = (HEAD.id, "stf_second", "stf_third")
    shared = care.StudentsPartitioned(
        class_id=CLASS, carers=carers, groups=((P1, P2, P3), (P4,), (P5,)), shares=(3, 1, 1), moved=0
    )
    book.write(AT_SCHOOL, shared, "2025-10-25 09:00", GRADE)
    seen = care.AccessUsed(
        student=P1, role="auditor", purpose="AUDIT", reason="COMPLAINT_CHECK", until=when("2025-11-03 12:00")
    )
    book.write(AT_SCHOOL, seen, "2025-11-03 09:00", AUDITOR)
    again = care.AccessUsed(student=P1, role="auditor", purpose="AUDIT")
    book.write(AT_SCHOOL, again, "2025-11-03 10:00", AUDITOR)


def _planned(name: str, **content: Any) -> stage.StagePlanned:
    return stage.StagePlanned(
        campaign=CAMPAIGN,
        school=SCHOOL,
        stage=name,
        opens=date(2025, 11, 3),
        due=date(2026, 11, 20),
        after=(),
        classes={CLASS: (P1, P2, P3, P4, P5)},
        policy=PROFILE.model_dump(mode="json"),
        calendar=CALENDAR.model_dump(mode="json"),
        content={"release": 3, "qualified_schools": [RECEIVING], **content},
    )


def _visit(book: Book) -> None:
    book.write(VISITS, _planned("school-visits"), "2025-10-24 08:02")
    trip: dict[str, Any] = {"at": when("2026-04-10 09:00"), "returns_at": when("2026-04-10 16:00")}
    planned = visits.CampusVisitPlanned(
        trip="spring", receiving_school=RECEIVING, seats=5, leaders=(HEAD.id,), vehicles=1, classes=(CLASS,), **trip
    )
    book.write(VISITS, planned, "2026-03-20 09:00", HEAD)
    book.write(VISITS, visits.CampusVisitApproved(trip="spring", safety_plan="SP-1"), "2026-03-21 09:00", OFFICER)
    asked = visits.PublicityRequested(
        presentation="talk",
        receiving_school=RECEIVING,
        at=when("2026-04-15 09:00"),
        persons=2,
        materials="M-1",
        classes=(CLASS,),
    )
    book.write(VISITS, asked, "2026-03-22 09:00", HEAD)
    book.write(VISITS, visits.PublicityApproved(presentation="talk", approval_ref="A-1"), "2026-03-23 09:00", OFFICER)
    book.write(
        VISITS, visits.PublicityVisitRegistered(presentation="talk", pupils={CLASS: 5}), "2026-04-15 18:00", HEAD
    )


def _identify(book: Book) -> None:
    book.write(IDENTIFICATION, _planned("identification"), "2025-10-24 08:02")
    made = identification.ProposalsMade(
        rule="help", rule_version=1, rule_digest=DIGEST, snapshot="snp_000001", snapshot_digest=DIGEST, pupils=1
    )
    book.write(IDENTIFICATION, made, "2025-11-10 09:00")
    reason = {
        "help": "STUDY",
        "attribute": "midterm_share",
        "relation": "BELOW",
        "threshold": "3/5",
        "flips_when": {"relation": "AT_LEAST", "threshold": "3/5"},
    }
    proposed = identification.HelpProposed.model_validate(
        {"student": P1, "code": "HELP", "help": ["STUDY"], "reasons": [reason], "commitment": DIGEST}
    )
    book.write(IDENTIFICATION, proposed, "2025-11-10 09:00")
    book.write(
        IDENTIFICATION,
        identification.HelpConfirmed(student=P1, help=("STUDY",), as_proposed=True),
        "2025-11-11 09:00",
        HEAD,
    )
    contested = identification.ProposalContested(student=P1, reason="DATA_WRONG", raised_by="GUARDIAN")
    book.write(IDENTIFICATION, contested, "2025-11-12 09:00", HEAD)
    resolved = identification.ContestResolved(student=P1, help=(), reason="DATA_CORRECTED")
    book.write(IDENTIFICATION, resolved, "2025-11-13 09:00", GRADE)
    frozen = identification.CohortFrozen(pupils=1, with_help=0, digest=DIGEST, expires_on=date(2026, 6, 30))
    book.write(IDENTIFICATION, frozen, "2025-11-14 09:00", GRADE)


def row(present: int, *unexplained: str, on_leave: int = 0) -> watching.Row:
    """Return the class's row of a report."""
    return watching.Row(class_id=CLASS, present=present, unexplained=unexplained, on_leave=on_leave)


def _watch(book: Book) -> None:
    started = watching.AttendanceStarted(
        campaign=CAMPAIGN,
        school=SCHOOL,
        year=2026,
        first=date(2026, 3, 2),
        last=date(2026, 6, 30),
        classes={CLASS: (P1, P2, P3, P4, P5)},
        policy=PROFILE.model_dump(mode="json"),
        calendar=CALENDAR.model_dump(mode="json"),
        began=when("2025-10-24 08:02"),
    )
    book.write(ATTENDANCE, started, "2025-10-24 08:02")
    for number in (2, 3, 4):
        on = date(2026, 3, number)
        report = watching.DailyReportFiled(day=on, rows=(row(4, P5),), on_time=True)
        book.write(ATTENDANCE, report, f"{on} 15:00", GRADE)
        absent = watching.AbsenceNoted(student=P5, class_id=CLASS, day=on, days=number - 1, owed="SAME_DAY_VISIT")
        book.write(ATTENDANCE, absent, f"{on} 15:00", SYSTEM)
    suspected: dict[str, Any] = {"student": P5, "class_id": CLASS, "since": date(2026, 3, 2), "by": "CONSECUTIVE"}
    book.write(ATTENDANCE, watching.SuspectedDropout(**suspected, days=3), "2026-03-04 15:00")
    book.write(AT_SCHOOL, watch.DropoutCaseOpened(**suspected, episode=1), "2026-03-04 15:00")
    opened = dropout.DropoutCaseStarted(
        campaign=CAMPAIGN,
        school=SCHOOL,
        episode=1,
        last=date(2026, 6, 30),
        policy=PROFILE.model_dump(mode="json"),
        calendar=CALENDAR.model_dump(mode="json"),
        began=when("2026-03-04 15:00"),
        **suspected,
    )
    book.write(DROPOUT, opened, "2026-03-04 15:00")
    zero = watching.ZeroReportFiled(day=date(2026, 3, 5), present=4, rows=(row(4),), on_time=True)
    book.write(ATTENDANCE, zero, "2026-03-05 15:00", GRADE)
    fixed = watching.ReportCorrected(day=date(2026, 3, 5), rows=(row(3, P4),), corrects=9, reason="FOUND_LATER")
    book.write(ATTENDANCE, fixed, "2026-03-05 17:30", GRADE)
    flagged = watching.ZeroReportContradicted(day=date(2026, 3, 5), classes=(CLASS,), same_day=True)
    book.write(ATTENDANCE, flagged, "2026-03-05 17:30")
    explained = watching.AbsenceExplained(student=P4, day=date(2026, 3, 5), reason="ILLNESS", evidence="SEEN")
    book.write(ATTENDANCE, explained, "2026-03-06 09:00", HEAD)
    book.write(ATTENDANCE, watching.ReportMissed(day=date(2026, 3, 6)), "2026-03-06 20:00")
    figures = {"due": 5, "filed": 4, "in_time": 4, "missed": 1}
    weekly = watching.WeeklyReportFiled(period="2026-W10", figures=figures, on_time=True)
    book.write(ATTENDANCE, weekly, "2026-03-06 21:00", PRINCIPAL)
    returned = dropout.ReturnedToSchool(on=date(2026, 3, 9), evidence="SEEN")
    book.write(DROPOUT, returned, "2026-03-09 15:00", HEAD)
    book.write(DROPOUT, dropout.ItemClosed(ending="RETURNED", days_present=10), "2026-03-24 15:00", PRINCIPAL)
    for status, at in (("returned", "2026-03-09 15:00"), ("closed", "2026-03-24 15:00")):
        noted = watching.CaseStandingNoted(student=P5, status=status, on=date(2026, 3, 9))
        book.write(ATTENDANCE, noted, at)
    full = watching.ZeroReportFiled(day=date(2026, 3, 25), present=5, rows=(row(5),), on_time=True)
    book.write(ATTENDANCE, full, "2026-03-25 15:00", GRADE)
    left: dict[str, Any] = {"student": P4, "exit": "transfer", "on": date(2026, 6, 10)}
    book.write(AT_SCHOOL, school.LeftRegister(**left), "2026-06-10 09:00", REGISTRAR)
    book.write(ATTENDANCE, watching.AttendanceLeft(**left), "2026-06-10 09:00")
    book.write(ATTENDANCE, watching.AttendanceEnded(), "2026-07-01 00:00")


def _file(book: Book) -> None:
    book.write(FILING, _planned("application-filing"), "2025-10-24 08:02")
    for student in (P1, P2, P3):
        book.act(filing.NoticeAcknowledged, student, "guardian", "2026-06-20 10:00", document=NOTICE)
    book.act(consent.DataConsentGiven, P2, "guardian", "2026-06-20 11:00", document=NOTICE)
    for student in (P1, P2, P3):
        for party in ("pupil", "guardian"):
            said = {"document": NOTICE, "destination": RECEIVING}
            book.act(filing.ConsentSigned, student, party, "2026-06-22 10:00", **said)
        cooling = consent.CoolingStarted(student=student, ends=when("2026-06-29 23:59:59"), short=False)
        book.write(FILING, cooling, "2026-06-22 10:00")
    book.write(FILING, stage.StagePaused(scope="campaign", reason="EXAM_WEEK"), "2026-06-24 10:00")
    book.write(FILING, stage.StageResumed(scope="campaign"), "2026-06-25 10:00")
    ends = when("2026-06-30 23:59:59") + timedelta(hours=0)
    book.write(
        FILING,
        consent.CoolingLengthened(rows=tuple(consent.CoolingEnd(student=one, ends=ends) for one in (P1, P2, P3))),
        "2026-06-25 10:00",
    )
    book.act(filing.ConsentWithdrawn, P3, "guardian", "2026-06-26 10:00", late=False)
    refused = filing.FamilyActRefused(student=P3, act="withdraw", code="ACT_ALREADY_TAKEN", act_digest="d" * 16)
    book.write(FILING, refused, "2026-06-26 11:00", guardian(P3))
    for student in (P1, P2):
        book.write(FILING, consent.ConsentConfirmed(student=student), "2026-07-01 11:59:59")
    reported = consent.WithdrawalReported(student=P2, channel="phone", callback_due=date(2026, 7, 2))
    book.write(FILING, reported, "2026-07-01 14:00", HEAD)
    called = consent.CallbackMade(
        student=P2, purpose="withdrawal_report", outcome="confirmed", at=when("2026-07-01 16:00")
    )
    book.write(FILING, called, "2026-07-01 16:00", OFFICER)
    book.act(consent.ConsentKept, P2, "guardian", "2026-07-01 17:00")
    book.write(FILING, consent.SuspensionLifted(student=P2, suspension="WITHDRAWAL_REPORTED"), "2026-07-01 17:00")
    for student in (P1, P2):
        applied = filing.ApplicationRecorded(student=student, school=RECEIVING, reference=f"APP-{student[-2:]}")
        book.write(FILING, applied, "2026-07-02 10:00", HEAD)
        book.write(FILING, filing.Admitted(student=student, school=RECEIVING), "2026-07-20 10:00", REGISTRAR)
        arrived = filing.Reported(student=student, school=RECEIVING, on=date(2026, 9, 1))
        book.write(FILING, arrived, "2026-09-01 18:00", REGISTRAR)
        verified = filing.RegistrationVerified(
            student=student, school=RECEIVING, register_ref=f"REG-{student[-2:]}", on=date(2026, 10, 10), in_time=True
        )
        book.write(FILING, verified, "2026-10-12 10:00", REGISTRAR)
    for placed, at in ((True, "2026-10-13 10:00"), (False, "2026-10-20 10:00")):
        noted = consent.CaseHoldNoted(hold="c-1-1", scope="class", class_id=CLASS, placed=placed)
        book.write(FILING, noted, at)
    _in_order(book.streams[FILING])


def _in_order(events: list[Envelope]) -> None:
    """Bring a stream that was written pupil by pupil into the order of its times, with its chain."""
    events.sort(key=lambda event: event["recorded_at"])
    for number, event in enumerate(events, 1):
        event |= {"version": number, "prev_hash": events[number - 2]["hash"] if number > 1 else GENESIS}


def _retain(book: Book) -> None:
    book.write(RETENTION, _planned("retention"), "2025-10-24 08:02")
    checked: dict[str, Any] = {"student": P1, "checkpoint": "D+30"}
    found = retention.RetentionConfirmed(**checked, evidence="REGISTER")
    book.write(RETENTION, found, "2026-11-10 10:00", REGISTRAR)
    conflict = retention.EvidenceConflicting(
        **checked, held="present", held_evidence="REGISTER", found="lost", found_evidence="CALL"
    )
    book.write(RETENTION, conflict, "2026-11-12 10:00", HEAD)
    resolved = retention.EvidenceResolved(**checked, state="present", evidence="REGISTER", reason="SEEN_THERE")
    book.write(RETENTION, resolved, "2026-11-13 10:00", DISCIPLINE)


def _complain(book: Book) -> None:
    days: dict[str, Any] = {"acknowledge_by": date(2026, 10, 13), "decide_by": date(2026, 11, 3)}
    received = campaign.ComplaintReceived(
        complaint="c-1", about=SCHOOL, matter="FEE", owner="discipline_officer", **days
    )
    book.write(CAMPAIGN, received, "2026-10-12 10:00", ANONYMOUS)
    opened = case.CaseOpened(
        campaign=CAMPAIGN,
        case="c-1",
        origin="COMPLAINT",
        about=SCHOOL,
        matter="FEE",
        owner="discipline_officer",
        received_on=date(2026, 10, 12),
        made_by=(),
        notes=(),
        self_reported=False,
        schools=(SCHOOL, OTHER),
        policy=PROFILE.model_dump(mode="json"),
        calendar=CALENDAR.model_dump(mode="json"),
        **days,
    )
    book.write(CASE, opened, "2026-10-12 10:00")
    book.write(CASE, campaign.ComplaintAcknowledged(complaint="c-1"), "2026-10-12 14:00", DISCIPLINE)
    book.write(CASE, case.InvestigationOpened(case="c-1"), "2026-10-12 15:00", DISCIPLINE)
    place: dict[str, Any] = {"hold": "c-1-1", "case": "c-1", "scope": "class", "school": SCHOOL, "class_id": CLASS}
    for kind, at in ((compliance.HoldPlaced, "2026-10-13 10:00"), (compliance.HoldReleased, "2026-10-20 10:00")):
        event = kind(**place, student=None, reason="CHECKED")
        book.write(CASE, event, at, DISCIPLINE)
        book.write(CAMPAIGN, event, at)


def aided(student: str, **fields: Any) -> aid.AidEntry:
    """Return a pupil's place on the aid list."""
    given = {"study_year": 1, "kind": "AGRICULTURE", "school": RECEIVING, "payer": RECEIVING}
    months = {"start": "2026-09", "first": "2026-09", "last": "2027-06"}
    letter = "abcdef"[int(student[-1]) - 1]
    return aid.AidEntry.model_validate(given | months | {"student": student, "account": f"acc_{letter * 16}"} | fields)


def aid_computed(book: Book, run: str, at: str, **months: int) -> None:
    """Append a run of one line, with its approval and what moved."""
    fen = sum(months.values())
    own = {f"2026-{name[1:]}": amount for name, amount in months.items()}
    place = {"listed": "aid-1", "school": RECEIVING, "payer": RECEIVING, "account": aided(P1).account}
    lines = (aid.AidLine.model_validate({**place, "student": P1, "months": own, "fen": fen}),)
    about: dict[str, Any] = {"run": run, "version": 1}
    event = aid.AidComputed(
        **about,
        study_year=1,
        term=1,
        monthly=dict.fromkeys(own, 20_000),
        lines=lines,
        lines_digest=aid.lines_digest(lines),
        pupils=1,
        fen=fen,
        payers={RECEIVING: fen},
        withheld={},
        basis={},
    )
    book.write(CAMPAIGN, event, f"{at} 09:00", OFFICER)
    book.write(CAMPAIGN, aid.AidRunApproved(**about, lines_digest=event.lines_digest), f"{at} 10:00", APPROVER)
    moved = aid.AidPaid if fen > 0 else aid.AidRecovered
    money = moved(**about, payer=RECEIVING, fen=abs(fen), pupils=1, document="A-1")
    book.write(CAMPAIGN, money, f"{at} 11:00", CLERK)


def _aid(book: Book) -> None:
    about: dict[str, Any] = {"listed": "aid-1"}
    entries = (aided(P1), aided(P2), aided(P3))
    digest = aid.entries_digest(entries)
    drafted = aid.AidListDrafted(**about, entries=entries[:2], size=3, entries_digest=digest)
    book.write(CAMPAIGN, drafted, "2026-10-21 09:00", OFFICER)
    more = aid.AidEntriesAdded(**about, entries=entries[2:])
    book.write(CAMPAIGN, more, "2026-10-21 09:00", OFFICER, f"{CAMPAIGN}-{len(book.streams[CAMPAIGN])}")
    shown = aid.AidListPublished(**about, entries_digest=digest, until=date(2026, 10, 28))
    book.write(CAMPAIGN, shown, "2026-10-21 10:00", OFFICER)
    doubt: dict[str, Any] = {**about, "student": P3}
    book.write(CAMPAIGN, aid.AidObjected(**doubt, reason="NOT_THERE"), "2026-10-22 09:00", AUDITOR)
    decided = aid.AidObjectionDecided(**doubt, outcome="UPHELD", reason="SEEN_ELSEWHERE")
    book.write(CAMPAIGN, decided, "2026-10-23 09:00", SECOND)
    book.write(CAMPAIGN, aid.AidListTakenDown(**about), "2026-10-29 00:00")
    book.write(CAMPAIGN, aid.AidApproved(**about, entries_digest=digest), "2026-10-29 09:00", APPROVER)
    rows = [{"student": P1, "month": month, "evidence": "REGISTER"} for month in ("2026-09", "2026-10")]
    book.write(CAMPAIGN, aid.AidAttendanceRecorded.model_validate({"rows": rows}), "2026-11-01 09:00", REGISTRAR)
    aid_computed(book, "aid-t1", "2026-11-02", m09=20_000, m10=20_000)
    wrong = aid.AidAttendanceWithdrawn(student=P1, month="2026-10", reason="OTHER_PUPIL")
    book.write(CAMPAIGN, wrong, "2026-11-03 09:00", REGISTRAR)
    aid_computed(book, "aid-t1-back", "2026-11-04", m10=-20_000)
    book.write(CAMPAIGN, aid.AidStopped(student=P1, last="2026-12", reason="MOVED"), "2026-11-05 09:00", REGISTRAR)


def line(countable: int = 2, **fields: Any) -> settlement.SettlementLine:
    """Return the class's line of a result."""
    counts = {"quota": 2, "pupils": 5, "informed": 3, "guided": 5, "free_refusals": 1, "points": 0}
    amount = 30_000 * countable
    return settlement.SettlementLine(
        school=SCHOOL, class_id=CLASS, countable=countable, **{"amount_fen": amount, **counts, **fields}
    )


def computed(book: Book, run: str, version: int, lines: tuple[settlement.SettlementLine, ...], at: str) -> None:
    """Append a version of a run."""
    mark = book.streams[FILING][-1]
    found = "VETO_PROPOSED" if sum(one.countable for one in lines) == 0 else "OK"
    event = settlement.SettlementComputed(
        run=run,
        version=version,
        profile=PROFILE.id,
        profile_version=PROFILE.version,
        parameter_hash=PROFILE.parameter_hash,
        shadow=False,
        payable=True,
        as_at=when(at),
        lines=lines,
        lines_digest=settlement.lines_digest(lines),
        totals=settlement.public_totals(lines),
        findings={SCHOOL: found},
        basis={FILING: settlement.StreamMark(version=mark["version"], hash=mark["hash"])},
        stamp="试算",
    )
    book.write(CAMPAIGN, event, at, OFFICER)


def _settle(book: Book) -> None:
    computed(book, "year", 1, (line(),), "2026-11-21 10:00")
    about: dict[str, Any] = {"run": "year", "version": 1}
    book.write(CAMPAIGN, settlement.SettlementReviewed(**about), "2026-11-22 10:00", AUDITOR)
    for number, who in enumerate((APPROVER, SECOND), 1):
        approved = settlement.SettlementApproved(**about, approvals=number)
        book.write(CAMPAIGN, approved, f"2026-11-22 1{number}:00", who)
    digest = settlement.lines_digest((line(),))
    published = settlement.SettlementPublished(
        **about, lines_digest=digest, total_fen=60_000, appeal_until=date(2026, 11, 30)
    )
    book.write(CAMPAIGN, published, "2026-11-23 10:00", OFFICER)
    declared = settlement.FundingSourceDeclared(source="FISCAL", document=DOCUMENT, pool_fen=100_000)
    book.write(CAMPAIGN, declared, "2026-11-24 10:00", OFFICER)
    ordered = settlement.PaymentOrdered(**about, payment="p1", funding=DOCUMENT, fen=60_000, lines_digest=digest)
    book.write(CAMPAIGN, ordered, "2026-12-02 10:00", REGISTRAR)
    paid = settlement.PaymentConfirmed(run="year", payment="p1", fen=60_000)
    book.write(CAMPAIGN, paid, "2026-12-03 10:00", CLERK)
    corrected = settlement.AdjustmentComputed(
        **about, line=f"{SCHOOL}/{CLASS}", delta_fen=-10_000, total_fen=50_000, reason="FOUND", cause=f"{CAMPAIGN}#1"
    )
    book.write(CAMPAIGN, corrected, "2026-12-04 10:00", OFFICER)
    back = settlement.ClawBackOrdered(**about, line=f"{SCHOOL}/{CLASS}", fen=10_000, cause=f"{CAMPAIGN}#1")
    book.write(CAMPAIGN, back, "2026-12-04 10:00", OFFICER, f"{CAMPAIGN}-{len(book.streams[CAMPAIGN])}")
    computed(book, "trial", 1, (line(0, amount_fen=0),), "2026-12-05 10:00")
    veto: dict[str, Any] = {"run": "trial", "school": SCHOOL}
    proposed = settlement.VetoProposed(**veto, version=1, quota=2, countable=0)
    book.write(CAMPAIGN, proposed, "2026-12-05 11:00", OFFICER)
    book.write(CAMPAIGN, settlement.VetoReviewed(**veto, heard="MEETING"), "2026-12-06 10:00", DISCIPLINE)
    book.write(CAMPAIGN, settlement.VetoImposed(**veto, reason="DECIDED"), "2026-12-07 10:00", APPROVER)
    shown = settlement.VetoPublished(**veto, appeal_until=date(2026, 12, 14))
    book.write(CAMPAIGN, shown, "2026-12-08 10:00", OFFICER)
    for version in (2, 3):
        profile = PROFILE.model_copy(update={"version": version}).model_dump(mode="json")
        book.write(CAMPAIGN, PolicyAdopted(profile=profile), f"2026-12-{8 + version:02} 10:00")
