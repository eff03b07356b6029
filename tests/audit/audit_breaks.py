"""For every invariant, the ways in which the small log is broken so that it alone turns red, at one event."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from audit_log_tools import Break, blaming, by, change, find, more, move, relink, without
from audit_small_log import (
    APPROVER,
    AT_OTHER,
    AT_SCHOOL,
    AUDITOR,
    CAMPAIGN,
    CASE,
    CLASS,
    DISCIPLINE,
    DOCUMENT,
    FILING,
    GRADE,
    HEAD,
    OFFICER,
    P1,
    P2,
    P3,
    P4,
    P5,
    PRINCIPAL,
    RECEIVING,
    REGISTRAR,
    SCHOOL,
    SECOND,
    VISITS,
    Book,
    Streams,
    computed,
    guardian,
    line,
    pupil,
    row,
)

import domain.application_filing_events as filing
import domain.attendance_events as watching
import domain.care_events as care
import domain.filing_consent_events as consent
import domain.school_events as school
import domain.settlement_events as settlement
from domain.actors import SYSTEM
from domain.compliance_case_events import NoteRead
from domain.events import CommandRefused, Envelope

LATE: Final = "2026-12-12 10:00"
"""After everything else in any stream."""


def _lines(*lines: settlement.SettlementLine, **totals: int) -> dict[str, Any]:
    told = settlement.public_totals(lines) | totals
    return {"lines": [one.model_dump(mode="json") for one in lines], "totals": told}


def _unpaired_chain(streams: Streams) -> Envelope:
    event = streams[FILING][3]
    event["prev_hash"] = "0" * 64
    return event


def _written_by(name: str) -> Break:
    def broken(streams: Streams) -> Envelope:
        event = streams[FILING][4]
        event[name] = event[name].replace("+08:00", "Z")
        return event

    return broken


def _recorded_back(streams: Streams) -> Envelope:
    event = streams[FILING][6]
    event["recorded_at"] = "2026-01-01T00:00:00.000+08:00"
    return event


def _late(kind: str, before: str, /, *, where: dict[str, Any], **then: Any) -> Break:
    """Let a family's act, whatever time it says, arrive just before another event, which is the one to be named."""

    def broken(streams: Streams) -> Envelope:
        late, blamed = find(streams, kind, **where), find(streams, before, **then)
        events = [event for event in streams[FILING] if event is not late]
        number = events.index(blamed)
        late["recorded_at"] = blamed["recorded_at"]
        relink(streams, FILING, [*events[:number], late, *events[number:]])
        return blamed

    return broken


def _taken_twice(streams: Streams) -> Envelope:
    """Let the second refusal of a withdrawal be the withdrawal itself, once more."""
    taken = find(streams, "NoticeAcknowledged")
    event = find(streams, "NoticeAcknowledged", 2)
    event["data"]["act"] = taken["data"]["act"]
    return event


def _no_custody(streams: Streams) -> Envelope:
    """Let whoever has signed be on record as a parent without custody, once the pupil is registered."""
    verified = find(streams, "RegistrationVerified", student=P1)
    signer = find(streams, "ConsentSigned", student=P1, party="guardian")["actor"]["id"]
    record = {"student": P1, "person": signer, "standing": "NO_CUSTODY", "evidence": "DOCUMENT"}
    held = {**verified, "type": "GuardianshipRecorded", "data": record, "hash": "d" * 64, "command_id": "no-custody"}
    events = streams[FILING]
    number = events.index(verified)
    relink(streams, FILING, [*events[: number + 1], held, *events[number + 1 :]])
    return held


def _caregiver(streams: Streams) -> Envelope:
    """Let a guardian who was told be on record as a caregiver before the signature."""
    signed = find(streams, "ConsentSigned", student=P3, party="guardian")
    person = {"student": P3, "person": signed["actor"]["id"], "standing": "CAREGIVER", "evidence": "CALL"}
    held = {**find(streams, "DataConsentGiven"), "type": "GuardianshipRecorded", "data": person, "hash": "c" * 64}
    held |= {"command_id": "guardianship", "recorded_at": find(streams, "DataConsentGiven")["recorded_at"]}
    events = streams[FILING]
    number = events.index(find(streams, "DataConsentGiven"))
    relink(streams, FILING, [*events[: number + 1], held, *events[number + 1 :]])
    return signed


def _agreed_late(streams: Streams) -> Envelope:
    """Let the guardian of the child under 14 agree between the pupil's signature and the own one."""
    agreed = find(streams, "DataConsentGiven")
    signed = find(streams, "ConsentSigned", student=P2, party="pupil")
    events = [event for event in streams[FILING] if event is not agreed]
    number = events.index(signed) + 1
    agreed["recorded_at"] = signed["recorded_at"]
    relink(streams, FILING, [*events[:number], agreed, *events[number:]])
    return signed


def _other_hash(streams: Streams) -> Envelope:
    event = find(streams, "SettlementComputed")
    event["data"]["basis"][FILING]["hash"] = "e" * 64
    return event


def _left_out(streams: Streams) -> Envelope:
    computed(Book(streams), "extra", 2, (line(0, amount_fen=0),), LATE)
    return streams[CAMPAIGN][-1]


def _unknown_type(streams: Streams) -> Envelope:
    event = find(streams, "CohortFrozen")
    event["type"] = "ExamRegistrationWaived"
    return event


def _version_skipped(streams: Streams) -> Envelope:
    event = streams[VISITS][-1]
    event["version"] = 9
    return event


def _not_on_list(kind: str) -> Break:
    return change(kind, receiving_school="9900020009")


def _second_version(changes: tuple[settlement.LineChange, ...]) -> Break:
    """Compute the published run once more, with another amount, and publish that."""

    def broken(streams: Streams) -> Envelope:
        first = find(streams, "SettlementComputed", run="year")["data"]
        less = line(1)
        event = settlement.SettlementComputed.model_validate(
            {**first, "version": 2, **_lines(less), "changes": changes}
        )
        book = Book(streams)
        told = book.write(CAMPAIGN, event, LATE, OFFICER)
        published = {"run": "year", "version": 2, "lines_digest": "d" * 64, "total_fen": 30_000}
        shown = settlement.SettlementPublished(**published, appeal_until=date(2026, 12, 20))
        book.write(CAMPAIGN, shown, LATE, OFFICER)
        return told

    return broken


def _again(kind: str, **data: Any) -> Break:
    """Write an event a second time, at the end of its stream, with other data; it is the one to be named."""

    def broken(streams: Streams) -> Envelope:
        event = find(streams, kind)
        events = streams[event["stream"]]
        events.append({**event, "data": {**event["data"], **data}, "command_id": f"again-{kind}"})
        after = "2026-12-12T10:00:00.000+08:00"
        events[-1] |= {"version": len(events), "prev_hash": events[-2]["hash"], "recorded_at": after}
        return events[-1]

    return broken


def _both(*breaks: Break) -> Break:
    """Break a log in several ways that only together are wrong; the last names the event."""

    def broken(streams: Streams) -> Envelope:
        return [one(streams) for one in breaks][-1]

    return broken


def _free(**fields: Any) -> settlement.SettlementLine:
    return line(0, amount_fen=0, informed=5, guided=5, free_refusals=2, **fields)


ADMITTED = filing.Admitted(student=P1, school=RECEIVING)
LEFT = watching.AttendanceLeft(student=P1, exit="transfer", on=date(2026, 7, 1))
JOINED = school.StudentJoined(student=P1, class_id=CLASS, on=date(2026, 7, 1))
LOOK = care.AccessUsed(student=P2, role="bureau_officer", purpose="CHECK")
REPORTED_OUT = consent.WithdrawalReported(student=P1, channel="phone", callback_due=date(2026, 12, 13))
CANCELLED = filing.ConsentWithdrawn(student=P1, party="pupil", act="act_9999999999", late=True)
MORE_LINES = settlement.SettlementLinesAdded(run="year", version=1, lines=())
WITHDRAWAL_REFUSED = CommandRefused(
    command="deliver_family_acts", code="STAGE_NOT_OPEN", digest="d" * 16, act="withdraw"
)
HELD_BACK = CommandRefused(command="record_applications", code="HOLD_OPEN", digest="d" * 16)
ORDER = {
    "run": "year", "version": 1, "revision": 1, "payment": "p2", "funding": DOCUMENT, "fen": 5_000,
    "lines_digest": "d" * 64,
}  # fmt: skip
CORRECTED = {"run": "year", "version": 1, "revision": 1}
SHOWN_ANEW = {"lines_digest": "d" * 64, "total_fen": 50_000, "appeal_until": date(2026, 12, 20)}
MORE_DUE = settlement.AdjustmentComputed(
    run="year", version=1, revision=2, line=f"{SCHOOL}/{CLASS}", delta_fen=5_000, total_fen=55_000, reason="RECOUNT",
    cause=f"{CAMPAIGN}#1",
)  # fmt: skip
AGREED_ANEW = (
    more(CAMPAIGN, settlement.SettlementReviewed(**CORRECTED), LATE, AUDITOR),
    more(CAMPAIGN, settlement.SettlementApproved(**CORRECTED, approvals=1), LATE, APPROVER),
    more(CAMPAIGN, settlement.SettlementApproved(**CORRECTED, approvals=2), LATE, SECOND),
    more(CAMPAIGN, settlement.SettlementPublished(**CORRECTED, **SHOWN_ANEW), LATE, OFFICER),
)
"""The correction is audited, approved by two and published, as it must be before anything of it is paid."""
FORBIDDEN = settlement.FundingSourceDeclared(source="VOCATIONAL_SCHOOL", document="V-1", pool_fen=1_000)

BREAKS: Final[dict[str, dict[str, Break]]] = {
    "INV-01": {
        "a pupil joins a second school": more(AT_OTHER, JOINED, LATE, GRADE),
        "a second admission": more(FILING, ADMITTED, LATE, REGISTRAR),
        "a second registration": _again("RegistrationVerified"),
    },
    "INV-02": {
        "another version was acknowledged": change(
            "ConsentSigned", document="notice-2", where={"student": P3, "party": "guardian"}
        ),
        "told long ago, and recorded when it was signed": _both(
            without("ConsentSigned", "StagePlanned", where={"student": P3, "party": "guardian"}),
            _late("NoticeAcknowledged", "ConsentSigned", where={"student": P3}, student=P3, party="pupil"),
        ),
        "signed too soon": move("ConsentSigned", "2026-06-20 18:00", student=P1, party="pupil"),
    },
    "INV-03": {"a type that gives up the examination": _unknown_type},
    "INV-04": {
        "a teacher states the intent": more(
            FILING, filing.IntentStated(student=P1, party="pupil", act="act_8", intent="OTHER"), LATE, HEAD
        ),
        "a guardian in the pupil's name": by("ConsentSigned", guardian(P1), student=P1, party="pupil"),
        "a caregiver": _caregiver,
        "another pupil": by("ConsentSigned", pupil(P3), student=P1, party="pupil"),
    },
    "INV-05": {
        "confirmed an hour too early": move("ConsentConfirmed", "2026-06-30 23:00", student=P1),
        "the pause forgotten": move("ConsentConfirmed", "2026-06-30 12:00", student=P2),
        "signed later than it says": blaming(
            move("ConsentSigned", "2026-06-23 10:00", student=P1, party="guardian"), "ConsentConfirmed", student=P1
        ),
        "signed long ago, and recorded when it was confirmed": _late(
            "ConsentSigned", "ConsentConfirmed", where={"student": P1, "party": "guardian"}, student=P1
        ),
        "two schools": blaming(
            change("ConsentSigned", destination="9900020002", where={"student": P1, "party": "pupil"}),
            "ConsentConfirmed",
            student=P1,
        ),
        "applied without a confirmation": without(
            "ConsentConfirmed", "ApplicationRecorded", where={"student": P1}, student=P1
        ),
    },
    "INV-06": {
        "refused for a pause": change("FamilyActRefused", code="STAGE_NOT_OPEN"),
        "the only act of a command": more(FILING, WITHDRAWAL_REFUSED, LATE, guardian(P1)),
        "asked for a reason": change("ConsentWithdrawn", reason="WHY"),
        "went on after a report": _both(
            more(FILING, REPORTED_OUT, LATE, HEAD),
            more(FILING, filing.Reported(student=P1, school=RECEIVING, on=date(2026, 9, 1)), LATE, REGISTRAR),
        ),
        "the registration stands after a withdrawal": more(FILING, CANCELLED, LATE, pupil(P1)),
    },
    "INV-07": {
        "points taken for free refusals": blaming(
            change("SettlementComputed", 1, **_lines(line(0, amount_fen=0, points=-2))), "SettlementComputed", 1
        ),
        "a veto for free refusals": blaming(change("SettlementComputed", 1, **_lines(_free())), "VetoProposed"),
    },
    "INV-08": {
        "schools beside the total": change("TargetsIssued", total=9),
        "classes beside the school": change("ClassQuotaAssigned", classes={CLASS: 3}),
    },
    "INV-09": {
        "one number, two pupils": blaming(
            change("RegistrationVerified", register_ref="REG-01", where={"student": P2}),
            "RegistrationVerified",
            student=P2,
        ),
        "more than are registered": change("SettlementComputed", **_lines(line(3, amount_fen=60_000))),
    },
    "INV-10": {
        "a pupil on two registers": blaming(
            change("CohortLoaded", 1, classes={CLASS: ["stu_000006", P1]}), "CohortLoaded", 1
        ),
        "a class counted twice": change("SettlementComputed", 1, **_lines(*[line(0, amount_fen=0)] * 2)),
    },
    "INV-11": {
        "signed after the admission": blaming(
            move("Admitted", "2026-06-21 10:00", student=P1), "SettlementComputed", run="year"
        ),
        "registered too late": blaming(change("RegistrationVerified", in_time=False), "SettlementComputed", run="year"),
        "signed by no guardian": blaming(_no_custody, "SettlementComputed", run="year"),
        "under a hold": blaming(change("CaseHoldNoted", 1, hold="another"), "SettlementComputed", run="year"),
        "a basis that is not there": _other_hash,
    },
    "INV-12": {
        "a spring signature": change("ConsentSigned", wave="spring"),
        "a spring target": change("TargetsIssued", wave="spring"),
        "reported before graduation": change("Reported", on="2026-05-01"),
    },
    "INV-13": {
        "left the attendance only": more(f"{AT_SCHOOL}/attendance", LEFT, LATE),
        "work as a reason": change("AbsenceExplained", reason="AT_WORK"),
        "ended too early": move("AttendanceEnded", "2026-06-30 12:00"),
    },
    "INV-14": {
        "a pupil missing from the count": change("DailyReportFiled", rows=[row(3, P5).model_dump(mode="json")]),
        "a suspicion without a case": without("DropoutCaseOpened", "SuspectedDropout"),
        "a case ended without proof": without("ReturnedToSchool", "ItemClosed"),
    },
    "INV-15": {
        "a zero report with leave": change("ZeroReportFiled", 1, rows=[row(4, on_leave=1).model_dump(mode="json")]),
        "missed and filed": change("ReportMissed", day="2026-03-05"),
        "contradicted and not flagged": without("ZeroReportContradicted", "ReportCorrected"),
    },
    "INV-16": {
        "a pupil left out": change("StudentsPartitioned", groups=[[P1, P2, P3], [P4], []], shares=[3, 1, 0]),
        "a pupil twice": change("StudentsPartitioned", groups=[[P1, P2, P3], [P4], [P5, P4]], shares=[3, 1, 2]),
        "other shares": change("StudentsPartitioned", groups=[[P1, P2], [P3, P4], [P5]], shares=[2, 2, 1]),
    },
    "INV-17": {
        "a total that does not add up": change("SettlementComputed", totals=_lines(line(), amount_fen=1)["totals"]),
        "one approval": without("SettlementApproved", "PaymentOrdered"),
        "paid without an audit": without("SettlementReviewed", "PaymentOrdered"),
        "paid without a publication": without("SettlementPublished", "PaymentOrdered"),
        "a trial is paid": blaming(change("SettlementComputed", shadow=True), "PaymentOrdered"),
        "more than is due": _both(*AGREED_ANEW, more(CAMPAIGN, settlement.PaymentOrdered(**ORDER), LATE, REGISTRAR)),
        "paid after a correction that nobody agreed to": _both(
            more(CAMPAIGN, MORE_DUE, LATE, OFFICER),
            more(CAMPAIGN, settlement.PaymentOrdered(**ORDER | {"revision": 2}), LATE, REGISTRAR),
        ),
        "another sum confirmed": change("PaymentConfirmed", fen=1),
        "an adjustment that does not add up": change("AdjustmentComputed", total_fen=1),
        "more ordered back than paid": change("ClawBackOrdered", fen=70_000),
    },
    "INV-18": {
        "a vocational school's money": more(CAMPAIGN, FORBIDDEN, LATE, OFFICER),
        "money nobody declared": change("PaymentOrdered", funding="nothing"),
        "beyond the pool": blaming(change("FundingSourceDeclared", pool_fen=1), "PaymentOrdered"),
    },
    "INV-19": {
        "the school was not heard": without("VetoReviewed", "VetoImposed"),
        "the program proposed it": by("VetoProposed", SYSTEM),
        "no result says so": blaming(change("SettlementComputed", 1, findings={SCHOOL: "OK"}), "VetoProposed"),
        "published and not imposed": without("VetoImposed", "VetoPublished"),
    },
    "INV-20": {
        "a trip to an unlisted school": _not_on_list("CampusVisitPlanned"),
        "an unlisted school presents itself": _not_on_list("PublicityRequested"),
        "held without approval": without("PublicityApproved", "PublicityVisitRegistered"),
    },
    "INV-21": {
        "approves the own draft": by("CampaignApproved", OFFICER),
        "approves the own targets": by("TargetsApproved", OFFICER),
        "approves twice": _again("SettlementApproved"),
        "orders the payment of the own result": by("PaymentOrdered", OFFICER),
        "orders the payment of what one audited": by("PaymentOrdered", AUDITOR),
        "approves what one audited": by("SettlementApproved", AUDITOR),
        "confirms the own payment": by("PaymentConfirmed", REGISTRAR),
        "confirms the payment of the own result": by("PaymentConfirmed", OFFICER),
        "decides the own veto": by("VetoImposed", OFFICER),
        "decides where one heard the school": by("VetoImposed", DISCIPLINE),
        "approves the own trip": by("CampusVisitApproved", HEAD),
        "calls back on the own report": by("CallbackMade", HEAD),
        "resolves the own conflict": by("EvidenceResolved", HEAD),
        "closes the case on the own word": by("ItemClosed", HEAD),
        "closes the case for who gave the word": by(
            "ItemClosed", PRINCIPAL.model_copy(update={"on_behalf_of": HEAD.id})
        ),
        "hears the contest of the own decision": by("ContestResolved", HEAD),
        "through a stand-in": by("PaymentConfirmed", SECOND.model_copy(update={"on_behalf_of": OFFICER.id})),
    },
    "INV-22": {
        "a resident's number": change("CampusVisitApproved", safety_plan="110101201112201230"),
        "a telephone number": change("ConsentKept", channel="13800000000"),
        "a name": change("InvestigationOpened", case="某小明"),
    },
    "INV-23": {
        "an outsider without a reason": more(AT_SCHOOL, LOOK, LATE, OFFICER),
        "after the glass has closed": blaming(change("AccessUsed", until="2025-11-03T09:30:00+08:00"), "AccessUsed", 1),
    },
    "INV-24": {"the guardian agreed only after the pupil had signed": _agreed_late},
    "INV-26": {"a broken link": _unpaired_chain, "a version skipped": _version_skipped},
    "INV-27": {
        "an act taken twice": _taken_twice,
        "a command that took effect twice": more(
            CASE, NoteRead(case="c-1", note="nte_abcdef"), LATE, DISCIPLINE, f"{CASE}-2"
        ),
    },
    "INV-28": {
        "another offset": _written_by("occurred_at"),
        "recorded before its forerunner": _recorded_back,
        "a float": change("ItemClosed", days_present=10.0),
    },
    "INV-29": {
        "lines after the publication": more(CAMPAIGN, MORE_LINES, LATE, OFFICER),
        "a difference that is not told": _second_version(()),
        "a version left out": _left_out,
        "an older policy": blaming(
            lambda streams: find(streams, "PolicyAdopted", 1)["data"]["profile"].update(version=1), "PolicyAdopted", 1
        ),
    },
    "INV-30": {
        "paid under a hold": without("HoldReleased", "PaymentOrdered"),
        "a step refused for a hold": more(FILING, HELD_BACK, LATE, HEAD),
    },
    "INV-32": {
        "the school owns it": change("ComplaintReceived", owner="principal"),
        "the bureau judges itself": change("ComplaintReceived", about="bureau"),
        "no day to answer by": change("ComplaintReceived", decide_by=None),
        "the complainant is named": by("ComplaintReceived", HEAD),
        "the principal looks into it": by("InvestigationOpened", HEAD),
    },
    "INV-34": {"another number of reports": change("WeeklyReportFiled", figures={"due": 5, "filed": 5, "missed": 0})},
}
"""Invariant → what is done to the log → the break."""
