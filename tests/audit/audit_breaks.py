"""For every invariant, the ways in which the small log is broken so that it alone turns red, at one event."""

from __future__ import annotations

import json
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
    OTHER,
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
    aided,
    computed,
    guardian,
    line,
    pupil,
    row,
)

import domain.aid_events as aid
import domain.application_filing_events as filing
import domain.attendance_events as watching
import domain.care_events as care
import domain.filing_consent_events as consent
import domain.school_events as school
import domain.settlement_events as settlement
import domain.stage_events as stage
from domain.actors import SYSTEM, Actor
from domain.complaint_rules import made_by
from domain.compliance_case_events import CaseAppealDecided, NoteRead
from domain.compliance_events import ViolationConfirmed
from domain.events import CommandRefused, Envelope, Event
from domain.sending_events import NoticesSettled
from domain.summaries_events import SummaryReviewed, SummarySubmitted
from domain.window_change_events import WindowChangeApproved, WindowChangeRecorded

BACK: Final = date(2026, 6, 28)

LATE: Final = "2026-12-12 10:00"
"""After everything else in any stream."""

SETTLED: Final = NoticesSettled(channel="sms", day=date(2026, 12, 11), rows=1, digest="d" * 64, states={"accepted": 1})
SUSPENDED: Final = consent.ConsentSuspended(student=P2, reason="COURT_ORDER")
COURT_LIFTED: Final = consent.SuspensionLifted(student=P2, suspension="COURT_ORDER")
DOUBTED: Final = consent.GuardianshipRecorded(
    student=P2, person="gdn_00000009", standing="NO_CUSTODY", evidence="DOCUMENT"
)
DISPUTE_LIFTED: Final = consent.SuspensionLifted(student=P2, suspension="CUSTODY_DISPUTE")


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


def _written(*events: tuple[str, Event]) -> Break:
    """Let the program write events into the filing at their times, in the order of the times; the last is named."""

    def broken(streams: Streams) -> Envelope:
        book = Book(streams)
        written = [book.write(FILING, event, at) for at, event in events]
        relink(streams, FILING, sorted(streams[FILING], key=lambda event: event["recorded_at"]))
        return written[-1]

    return broken


def _window(last: str) -> consent.ApplicationWindowMoved:
    return consent.ApplicationWindowMoved(first=date(2026, 6, 10), last=date.fromisoformat(last), document=DOCUMENT)


def _locks(last: str) -> Break:
    """Let the filing begin with an application window."""
    return change(
        "StagePlanned",
        content={"release": 3, "application_window": {"first": "2026-06-10", "last": last}},
        where={"stage": "application-filing"},
    )


def _signed_in_the_place(streams: Streams) -> Envelope:
    """Let another guardian sign on the last day in the place of one without custody."""
    signed = find(streams, "ConsentSigned", student=P1, party="guardian")
    doubt = {"student": P1, "person": signed["actor"]["id"], "standing": "NO_CUSTODY", "evidence": "DOCUMENT"}
    at = "2026-06-30T10:00:00.000+08:00"
    when_written = {"occurred_at": at, "recorded_at": at}
    held = {**signed, **when_written, "type": "GuardianshipRecorded", "data": doubt, "hash": "d" * 64}
    other = {**signed["actor"], "id": "gdn_other0001"}
    again = {**signed, **when_written, "actor": other, "data": {**signed["data"], "act": "act_9000000001"}}
    _another_was_told(streams, P1)
    held |= {"command_id": "no-custody", "actor": REGISTRAR.model_dump(mode="json")}
    again |= {"command_id": "in-the-place", "hash": "e" * 64}
    relink(streams, FILING, sorted([*streams[FILING], held, again], key=lambda event: event["recorded_at"]))
    return again


def _caregiver(streams: Streams) -> Envelope:
    """Let a guardian be on record as a caregiver before the signature; another one was told as well."""
    _another_was_told(streams, P3)
    _told_a_caregiver(streams)
    return find(streams, "ConsentSigned", student=P3, party="guardian")


def _another_was_told(streams: Streams, student: str) -> None:
    """Let a second guardian acknowledge the notice right after the first."""
    first, events = find(streams, "NoticeAcknowledged", student=student), streams[FILING]
    other = {**first["actor"], "id": "gdn_other0001"}
    second = {**first, "actor": other, "data": {**first["data"], "act": "act_9000000002"}}
    second |= {"command_id": "told-too", "hash": "b" * 64}
    number = events.index(first) + 1
    relink(streams, FILING, [*events[:number], second, *events[number:]])


def _told_a_caregiver(streams: Streams) -> Envelope:
    """Let the guardian who was told be on record as a caregiver before anybody signs; name the pupil's signature."""
    told = find(streams, "NoticeAcknowledged", student=P3)
    person = {"student": P3, "person": told["actor"]["id"], "standing": "CAREGIVER", "evidence": "CALL"}
    held = {**find(streams, "DataConsentGiven"), "type": "GuardianshipRecorded", "data": person, "hash": "c" * 64}
    held |= {"command_id": "guardianship", "recorded_at": find(streams, "DataConsentGiven")["recorded_at"]}
    events = streams[FILING]
    number = events.index(find(streams, "DataConsentGiven"))
    relink(streams, FILING, [*events[: number + 1], held, *events[number + 1 :]])
    return find(streams, "ConsentSigned", student=P3, party="pupil")


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


def _more_of_the_trial(one: settlement.SettlementLine) -> Break:
    """Let the trial's only line stand in an event of its own behind the computation."""

    def broken(streams: Streams) -> Envelope:
        find(streams, "SettlementComputed", 1)["data"].update({**_lines(one), "lines": []})
        added = settlement.SettlementLinesAdded(run="trial", version=1, lines=(one,))
        return Book(streams).write(CAMPAIGN, added, LATE, OFFICER)

    return broken


def _taken_elsewhere(streams: Streams) -> Envelope:
    """Let another school's families' stream take an act that was taken before."""
    taken = find(streams, "NoticeAcknowledged")["data"]
    again = filing.NoticeAcknowledged.model_validate({**taken, "student": "stu_000006"})
    stream = FILING.replace(AT_SCHOOL, AT_OTHER)
    return Book(streams).write(stream, again, LATE, guardian("stu_000006"))


def _twice_in_a_row(streams: Streams) -> Envelope:
    """Let the last command of the case take effect once more, right behind itself."""
    read = NoteRead(case="c-1", note="nte_abcdef")
    return Book(streams).write(CASE, read, LATE, DISCIPLINE, streams[CASE][-1]["command_id"])


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
        for number, who in enumerate((APPROVER, SECOND), 1):
            approved = settlement.SettlementApproved(run="year", version=2, approvals=number)
            book.write(CAMPAIGN, approved, LATE, who)
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


def _before(kind: str, stream: str, event: Event, who: Actor) -> Break:
    """Write an event just before the first one of a type, which is the one to be named."""

    def broken(streams: Streams) -> Envelope:
        named = find(streams, kind)
        told = Book(streams).write(stream, event, LATE, who)
        told |= {name: named[name] for name in ("occurred_at", "recorded_at")}
        order = [one for one in streams[stream] if one is not told]
        order.insert(order.index(named), told)
        relink(streams, stream, order)
        return named

    return broken


def _imposed_on_an_old_finding(streams: Streams) -> Envelope:
    """Compute the run anew before the decision: it finds no ground for the veto any more."""
    first = find(streams, "SettlementComputed", run="trial")["data"]
    anew = settlement.SettlementComputed.model_validate({**first, "version": 2, "findings": {SCHOOL: "NO_FAULT"}})
    return _before("VetoImposed", CAMPAIGN, anew, OFFICER)(streams)


def _paid_by_another_run(streams: Streams) -> Envelope:
    """Take the same result through all its steps under another name, and pay some of it again."""
    book = Book(streams)
    first = find(streams, "SettlementComputed", run="year")["data"]
    again = {"run": "again", "version": 1}
    book.write(CAMPAIGN, settlement.SettlementComputed.model_validate({**first, **again}), LATE, OFFICER)
    book.write(CAMPAIGN, settlement.SettlementReviewed(**again), LATE, AUDITOR)
    for number, who in enumerate((APPROVER, SECOND), 1):
        book.write(CAMPAIGN, settlement.SettlementApproved(**again, approvals=number), LATE, who)
    shown = {**again, **SHOWN_ANEW, "total_fen": 60_000}
    book.write(CAMPAIGN, settlement.SettlementPublished.model_validate(shown), LATE, OFFICER)
    return book.write(CAMPAIGN, settlement.PaymentOrdered(**ORDER | again | {"revision": 0}), LATE, REGISTRAR)


def _free(**fields: Any) -> settlement.SettlementLine:
    return line(0, amount_fen=0, informed=5, guided=5, free_refusals=2, **fields)


def _entries(*entries: aid.AidEntry) -> list[dict[str, Any]]:
    return [entry.model_dump(mode="json") for entry in entries]


def _aid_lines(*months: dict[str, int]) -> list[dict[str, Any]]:
    """Return lines of the first pupil's aid."""
    own = {"student": P1, "listed": "aid-1", "school": RECEIVING, "payer": RECEIVING, "account": aided(P1).account}
    return [{**own, "months": one, "fen": sum(one.values())} for one in months]


def _aid_of_a_stranger(streams: Streams) -> Envelope:
    """Let all aid be that of a pupil who is in no register of a vocational school."""
    for event in streams[CAMPAIGN]:
        if event["type"].startswith("Aid"):
            event["data"] = json.loads(json.dumps(event["data"]).replace(P1, P4))
    return find(streams, "AidComputed")


def _gone_in_september(streams: Streams) -> Envelope:
    """Let a check have found before the run that the pupil was lost in September."""
    event = find(streams, "RetentionConfirmed", student=P1)
    event |= {"type": "Lost", "occurred_at": "2026-09-20T10:00:00.000+08:00"}
    event["recorded_at"] = event["occurred_at"]
    return find(streams, "AidComputed")


def _followed_no_more(streams: Streams) -> Envelope:
    """Let the registration have been cancelled in September, before the run."""
    event = find(streams, "RetentionConfirmed", student=P1)
    event |= {"type": "FollowUpCancelled", "data": {"student": P1}, "occurred_at": "2026-09-20T10:00:00.000+08:00"}
    event["recorded_at"] = event["occurred_at"]
    return find(streams, "AidComputed")


def _approved_over_a_month_taken_back(streams: Streams) -> Envelope:
    """Let a month of the first run have been taken back before somebody approved it."""
    events, gone = streams[CAMPAIGN], find(streams, "AidAttendanceWithdrawn")
    approval = find(streams, "AidRunApproved")
    gone |= {name: approval[name] for name in ("occurred_at", "recorded_at")}
    order = [event for event in events if event is not gone]
    order.insert(order.index(approval), gone)
    relink(streams, CAMPAIGN, order)
    return approval


AID_MONTHS: Final = {"2026-09": 20_000, "2026-10": 20_000}
PAID_AGAIN = aid.AidPaid(run="aid-t1", version=1, payer=RECEIVING, fen=40_000, pupils=1, document="A-2")
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
SHOWN_ANEW = {"lines_digest": "d" * 64, "total_fen": 50_000, "appeal_until": date(2026, 12, 11)}
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
RELOADED = school.CohortLoaded(snapshot="snp_000009", snapshot_digest="d" * 64, classes={CLASS: ("stu_000099",)})
APPEALED = settlement.SettlementAppealFiled(
    appeal="a-1", run="year", version=1, school=SCHOOL, class_id=None, about="RESULT", ground="COUNT"
)
APPEAL_DECIDED = settlement.SettlementAppealDecided(appeal="a-1", run="year", outcome="NOT_UPHELD", reason="RIGHT")
APPEAL_UPHELD = APPEAL_DECIDED.model_copy(update={"outcome": "UPHELD"})
APPEAL_ANSWERED = settlement.SettlementAppealAnswered(appeal="a-1", run="year", reason="POINTS_ONLY")
VIOLATION = ViolationConfirmed(
    case="c-1", violation="OTHER", school=SCHOOL, class_id=None, students=(), reason="SEEN",
    appeal_by=date(2026, 12, 20), final=False,
)  # fmt: skip
CASE_APPEAL_DECIDED = CaseAppealDecided(case="c-1", outcome="REJECTED", reason="RIGHT")
SUMMARY = SummarySubmitted(about="year", summary="sum_aaaaaa", digest="d" * 64, characters=900, revision=1)
SUMMARY_CLEARED = SummaryReviewed(about="year", summary="sum_aaaaaa", outcome="ACCEPTED", reason="SAME_FORM")
DROPPED = settlement.VetoDropped(run="trial", school=SCHOOL, reason="DECIDED")
LIFTED = settlement.VetoLifted(run="trial", school=SCHOOL, appeal="a-1")
WINDOW = {"change": 1, "first": date(2026, 6, 25), "last": date(2027, 1, 2), "document": "D-1"}
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
        "only a caregiver of the roster was told": blaming(
            by("NoticeAcknowledged", guardian(P1).model_copy(update={"id": "cgv_grandmother"}), student=P1),
            "ConsentSigned",
            student=P1,
            party="pupil",
        ),
        "only somebody on record as no guardian was told": _both(
            without("ConsentSigned", "StagePlanned", where={"student": P3, "party": "guardian"}), _told_a_caregiver
        ),
    },
    "INV-03": {"a type that gives up the examination": _unknown_type},
    "INV-04": {
        "a teacher states the intent": more(
            FILING, filing.IntentStated(student=P1, party="pupil", act="act_8", intent="OTHER"), LATE, HEAD
        ),
        "a guardian in the pupil's name": by("ConsentSigned", guardian(P1), student=P1, party="pupil"),
        "a caregiver": _caregiver,
        "a caregiver whom the roster names": by(
            "ConsentSigned", guardian(P1).model_copy(update={"id": "cgv_grandmother"}), student=P1, party="guardian"
        ),
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
        "away and back, and the cooling-off not begun anew": blaming(
            _written(
                ("2026-06-27 10:00", stage.StudentRemoved(student=P1, exit="transfer")),
                ("2026-06-28 10:00", stage.StudentEnrolled(student=P1, class_id=CLASS, on=BACK, due=BACK)),
            ),
            "ConsentConfirmed",
            student=P1,
        ),
        "the lock moved later, and the old end kept": blaming(
            _both(
                _locks("2026-06-28"),
                _written(("2026-06-26 09:00", _window("2026-07-05"))),
                move("ConsentConfirmed", "2026-06-29 12:00", student=P1),
            ),
            "ConsentConfirmed",
            student=P1,
        ),
        "the lock moved earlier, and no day left": blaming(
            _both(
                _written(("2026-06-26 09:00", _window("2026-06-26"))),
                move("ConsentConfirmed", "2026-06-27 08:00", student=P1),
            ),
            "ConsentConfirmed",
            student=P1,
        ),
        "another guardian signed, and the first one's end kept": blaming(_signed_in_the_place, "ConsentConfirmed"),
        "signed after the lock": _both(
            _locks("2026-06-22"),
            move("ConsentConfirmed", "2026-07-02 09:00", student=P2),
            move("ConsentSigned", "2026-06-23 09:00", student=P2, party="guardian"),
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
        "points taken in further lines": _more_of_the_trial(line(0, amount_fen=0, points=-2)),
        "a veto for free refusals": blaming(change("SettlementComputed", 1, **_lines(_free())), "VetoProposed"),
    },
    "INV-08": {
        "schools beside the total": change("TargetsIssued", total=9),
        "classes beside the school": change("ClassQuotaAssigned", classes={CLASS: 3}),
        "a class below nothing": change("ClassQuotaAssigned", classes={CLASS: 5, "2026-09": -3}),
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
        "a register loaded a second time": more(AT_SCHOOL, RELOADED, LATE),
        "a class counted twice": change("SettlementComputed", 1, **_lines(*[line(0, amount_fen=0)] * 2)),
    },
    "INV-11": {
        "signed after the admission": blaming(
            move("Admitted", "2026-06-21 10:00", student=P1), "SettlementComputed", run="year"
        ),
        "registered too late": blaming(change("RegistrationVerified", in_time=False), "SettlementComputed", run="year"),
        "called in time, and was not": change("RegistrationVerified", on="2026-11-21", where={"student": P1}),
        "signed by no guardian": blaming(_no_custody, "SettlementComputed", run="year"),
        "under a hold": blaming(change("CaseHoldNoted", 1, hold="another"), "SettlementComputed", run="year"),
        "a basis that is not there": _other_hash,
        "published before the counting is over": blaming(
            change("SettlementComputed", as_at="2026-11-20T23:59:00+08:00"), "SettlementPublished"
        ),
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
        "a departure that the school made alone": by("LeftRegister", HEAD),
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
        "one approval": without("SettlementApproved", "SettlementPublished"),
        "a correction without a cause on record": change("AdjustmentComputed", cause=f"{CAMPAIGN}#999"),
        "a correction whose cause came later": change("AdjustmentComputed", cause=f"{CAMPAIGN}#{10**6}"),
        "what was paid too much is not ordered back": without("ClawBackOrdered", "AdjustmentComputed"),
        "less ordered back than was paid too much": change("ClawBackOrdered", fen=9_999),
        "paid while the school could appeal": blaming(
            change("SettlementPublished", appeal_until="2026-12-02"), "PaymentOrdered"
        ),
        "paid over an open appeal": _before("PaymentOrdered", CAMPAIGN, APPEALED, PRINCIPAL),
        "paid over an upheld appeal that nothing has followed": _both(
            _before("PaymentOrdered", CAMPAIGN, APPEALED, PRINCIPAL),
            _before("PaymentOrdered", CAMPAIGN, APPEAL_UPHELD, DISCIPLINE),
        ),
        "paid with a line below zero": blaming(
            change(
                "SettlementComputed",
                **_lines(
                    line(amount_fen=61_000),
                    line(0, amount_fen=-1_000, free_refusals=0).model_copy(update={"class_id": "2026-02"}),
                ),
            ),
            "PaymentOrdered",
        ),
        "a class paid by two runs": _paid_by_another_run,
        "paid without an audit": without("SettlementReviewed", "PaymentOrdered"),
        "paid without a publication": without("SettlementPublished", "PaymentOrdered"),
        "a trial is paid": blaming(change("SettlementComputed", shadow=True), "PaymentOrdered"),
        "more than is due": _both(*AGREED_ANEW, more(CAMPAIGN, settlement.PaymentOrdered(**ORDER), LATE, REGISTRAR)),
        "paid after a correction that nobody agreed to": _both(
            more(CAMPAIGN, MORE_DUE, LATE, OFFICER),
            more(CAMPAIGN, settlement.PaymentOrdered(**ORDER | {"revision": 2}), LATE, REGISTRAR),
        ),
        "one payment ordered twice under one name": _both(
            without("AdjustmentComputed", "PaymentConfirmed"),
            without("ClawBackOrdered", "PaymentConfirmed"),
            change("PaymentOrdered", fen=20_000),
            change("PaymentConfirmed", fen=20_000),
            _again("PaymentOrdered", fen=40_000),
        ),
        "an older revision is approved": more(
            CAMPAIGN, settlement.SettlementApproved(run="year", version=1, approvals=3), LATE, DISCIPLINE
        ),
        "another version is audited": more(
            CAMPAIGN, settlement.SettlementReviewed(run="year", version=9), LATE, DISCIPLINE
        ),
        "another total is published": change("SettlementPublished", total_fen=70_000),
        "other lines are paid than were published": change("PaymentOrdered", lines_digest="e" * 64),
        "confirmed twice": _again("PaymentConfirmed"),
        "a line that no result has is corrected": change("AdjustmentComputed", line=f"{SCHOOL}/2026-99"),
        "another sum confirmed": change("PaymentConfirmed", fen=1),
        "an adjustment that does not add up": change("AdjustmentComputed", total_fen=1),
        "more ordered back than paid": change("ClawBackOrdered", fen=70_000),
    },
    "INV-18": {
        "a vocational school's money": more(CAMPAIGN, FORBIDDEN, LATE, OFFICER),
        "money nobody declared": change("PaymentOrdered", funding="nothing"),
        "a pool declared anew": _again("FundingSourceDeclared"),
        "beyond the pool": blaming(change("FundingSourceDeclared", pool_fen=1), "PaymentOrdered"),
    },
    "INV-19": {
        "the school was not heard": without("VetoReviewed", "VetoImposed"),
        "the program proposed it": by("VetoProposed", SYSTEM),
        "decided over a result that no longer says so": _imposed_on_an_old_finding,
        "dropped after it was published": more(CAMPAIGN, DROPPED, LATE, SECOND),
        "lifted and never published": _both(
            more(CAMPAIGN, LIFTED, LATE, SECOND), without("VetoPublished", "VetoLifted")
        ),
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
        "approves the own change of the application window": _both(
            more(CAMPAIGN, WindowChangeRecorded(**WINDOW, was_last=None, digest="d" * 64), LATE, APPROVER),
            more(CAMPAIGN, WindowChangeApproved(**WINDOW), LATE, APPROVER),
        ),
        "approves twice": _both(
            more(CAMPAIGN, settlement.SettlementApproved(**CORRECTED, approvals=1), LATE, APPROVER),
            more(CAMPAIGN, settlement.SettlementApproved(**CORRECTED, approvals=2), LATE, APPROVER),
        ),
        "orders the payment of the own result": by("PaymentOrdered", OFFICER),
        "orders the payment of what one audited": by("PaymentOrdered", AUDITOR),
        "approves what one audited": by("SettlementApproved", AUDITOR),
        "orders the payment that one was the first to approve": by("PaymentOrdered", APPROVER),
        "confirms the payment of what one audited": by("PaymentConfirmed", AUDITOR),
        "confirms the payment of what one approved": by("PaymentConfirmed", APPROVER),
        "decides the appeal against the own result": _both(
            more(CAMPAIGN, APPEALED, LATE, PRINCIPAL), more(CAMPAIGN, APPEAL_DECIDED, LATE, OFFICER)
        ),
        "answers the appeal that the same person decided": _both(
            more(CAMPAIGN, APPEALED, LATE, PRINCIPAL),
            more(CAMPAIGN, APPEAL_UPHELD, LATE, DISCIPLINE),
            more(CAMPAIGN, APPEAL_ANSWERED, LATE, DISCIPLINE),
        ),
        "decides the appeal against the own finding": _both(
            more(CASE, VIOLATION, LATE, DISCIPLINE), more(CASE, CASE_APPEAL_DECIDED, LATE, DISCIPLINE)
        ),
        "clears the own summary": _both(
            more(AT_SCHOOL, SUMMARY, LATE, PRINCIPAL), more(AT_SCHOOL, SUMMARY_CLEARED, LATE, PRINCIPAL)
        ),
        "confirms the own payment": by("PaymentConfirmed", REGISTRAR),
        "confirms the payment of the own result": by("PaymentConfirmed", OFFICER),
        "decides the own veto": by("VetoImposed", OFFICER),
        "decides where one heard the school": by("VetoImposed", DISCIPLINE),
        "approves the own trip": by("CampusVisitApproved", HEAD),
        "calls back on the own report": by("CallbackMade", HEAD),
        "lifts what one suspended oneself": _both(
            more(FILING, SUSPENDED, LATE, REGISTRAR), more(FILING, COURT_LIFTED, LATE, REGISTRAR)
        ),
        "ends a dispute over what one recorded": _both(
            more(FILING, DOUBTED, LATE, REGISTRAR), more(FILING, DISPUTE_LIFTED, LATE, REGISTRAR)
        ),
        "resolves the own conflict": by("EvidenceResolved", HEAD),
        "closes the case on the own word": by("ItemClosed", HEAD),
        "closes the case for who gave the word": by(
            "ItemClosed", PRINCIPAL.model_copy(update={"on_behalf_of": HEAD.id})
        ),
        "hears the contest of the own decision": by("ContestResolved", HEAD),
        "approves the own aid list": by("AidApproved", OFFICER),
        "decides the own objection to aid": by("AidObjectionDecided", AUDITOR),
        "approves the own run of aid": by("AidRunApproved", OFFICER),
        "pays what one approved": by("AidPaid", APPROVER),
        "takes back what one computed": by("AidRecovered", OFFICER),
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
    "INV-24": {
        "the guardian agreed only after the pupil had signed": _agreed_late,
        "a caregiver agreed": blaming(
            by("DataConsentGiven", guardian(P2).model_copy(update={"id": "cgv_grandmother"}), student=P2),
            "ConsentSigned",
            student=P2,
            party="pupil",
        ),
    },
    "INV-26": {"a broken link": _unpaired_chain, "a version skipped": _version_skipped},
    "INV-27": {
        "a day of notices settled twice": _both(more(CAMPAIGN, SETTLED, LATE), more(CAMPAIGN, SETTLED, LATE)),
        "a day of notices settled after a later one": _both(
            more(CAMPAIGN, SETTLED, LATE),
            more(CAMPAIGN, SETTLED.model_copy(update={"channel": "email"}), LATE),
            more(CAMPAIGN, SETTLED.model_copy(update={"day": date(2026, 12, 10)}), LATE),
        ),
        "an act taken twice": _taken_twice,
        "an act taken twice in two schools": _taken_elsewhere,
        "a command that took effect twice in a row": _twice_in_a_row,
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
        "a difference that is told wrongly": _second_version(
            (settlement.LineChange(line=f"{SCHOOL}/{CLASS}", was_fen=50_000, now_fen=31_000),)
        ),
        "a difference that there is none": _second_version(
            (
                settlement.LineChange(line=f"{SCHOOL}/{CLASS}", was_fen=50_000, now_fen=30_000),
                settlement.LineChange(line=f"{SCHOOL}/2026-09", was_fen=1, now_fen=None),
            )
        ),
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
        "the complainant can be tried out": change("ComplaintReceived", made_by=list(made_by("c-1", HEAD))),
        "the principal looks into it": by("InvestigationOpened", HEAD),
    },
    "INV-33": {
        "two payers": change("AidEntriesAdded", entries=_entries(aided(P2, payer=OTHER, school=OTHER))),
        "an account of two pupils": change("AidEntriesAdded", entries=_entries(aided(P3, account=aided(P2).account))),
        "a list that nobody approved": without("AidApproved", "AidComputed"),
        "a month without attendance": blaming(
            change("AidAttendanceRecorded", rows=[{"student": P1, "month": "2026-10", "evidence": "SEEN"}]),
            "AidComputed",
        ),
        "a month twice": _both(
            change("AidPaid", fen=60_000),
            change("AidComputed", fen=60_000, lines=_aid_lines(AID_MONTHS, {"2026-09": 20_000})),
        ),
        "a month after the last": blaming(
            change("AidListDrafted", entries=_entries(aided(P1, last="2026-09"), aided(P2))), "AidComputed"
        ),
        "another amount": _both(
            change("AidPaid", fen=40_001),
            change("AidComputed", fen=40_001, lines=_aid_lines(AID_MONTHS | {"2026-09": 20_001})),
        ),
        "a total that does not add up": change("AidComputed", fen=40_001),
        "a pupil who is registered nowhere": _aid_of_a_stranger,
        "a pupil who had left": _gone_in_september,
        "a pupil whose registration was cancelled": _followed_no_more,
        "a list that was not shown to the end": blaming(change("AidListPublished", until="2026-10-29"), "AidApproved"),
        "a list with an objection open": without("AidObjectionDecided", "AidApproved"),
        "a month on hearsay": change(
            "AidAttendanceRecorded",
            rows=[{"student": P1, "month": f"2026-{month}", "evidence": "HEARSAY"} for month in ("09", "10")],
        ),
        "a month kept back of a pupil who is there": change("AidComputed", withheld={P1: ["2026-09"]}),
        "a due month taken back": change("AidComputed", 1, lines=_aid_lines({"2026-09": -20_000})),
        "another version approved": change("AidRunApproved", version=2),
        "other lines approved": change("AidRunApproved", lines_digest="e" * 64),
        "approved over a month that was taken back": _approved_over_a_month_taken_back,
        "taken back what was not paid": change("AidComputed", 1, lines=_aid_lines({"2026-11": -20_000})),
        "another sum paid": change("AidPaid", fen=39_999),
        "paid twice": more(CAMPAIGN, PAID_AGAIN, LATE, SECOND),
        "taken back without an approval": without("AidRunApproved", "AidRecovered", where={"run": "aid-t1-back"}),
    },
    "INV-34": {
        "another number of reports": change("WeeklyReportFiled", figures={"due": 5, "filed": 5, "missed": 0}),
        "a number left out": change("WeeklyReportFiled", figures={"due": 5, "filed": 4, "in_time": 4}),
        "no numbers at all": change("WeeklyReportFiled", figures={}),
    },
}
"""Invariant → what is done to the log → the break."""
