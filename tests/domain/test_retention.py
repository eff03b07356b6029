from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from retention_courses import (
    CONTENT,
    DISCIPLINE,
    LAST,
    OTHER_RECEIVER,
    OTHER_RECEIVING,
    RECEIVER,
    RECEIVING,
    REGISTRAR,
    SECOND_REGISTRAR,
    kinds,
    missing,
    planned,
    record,
    refused,
    registered,
    registration,
    resolve,
    row,
    work,
)
from stream_samples import AUDITOR, HEAD, OFFICER, PRINCIPAL, A, B, C, D, E, policy

from domain.retention import RetentionState, counts, rates
from domain.retention_pupil import Standing, checkpoint_date

# -- registrations ----------------------------------------------------------------------------------------------


def test_a_registration_starts_the_follow_up_once():
    """News may repeat a pupil, in one message and in the next; whoever is not in the stage is passed over."""
    stream = planned().to("2026-09-12 08:00")
    stream.hear("registered", rows=[registration(A), registration(A, "2026-09-11"), registration("stu_999999")])
    stream.hear("registered", rows=[registration(A, "2026-09-11"), registration(B)])
    started = [event["data"] for event in stream.ledger if event["type"] == "FollowUpStarted"]
    assert started == [
        {"student": A, "school": RECEIVING, "registered_on": "2026-09-10"},
        {"student": B, "school": RECEIVING, "registered_on": "2026-09-10"},
    ]
    stream.consistent()


def test_a_pupil_who_has_left_is_not_followed_up():
    """The registration of somebody who has left the register meanwhile starts nothing."""
    stream = planned().to("2026-09-12 08:00")
    stream.hear("student_left", student=A, exit="TRANSFER")
    stream.hear("registered", rows=[registration(A)])
    assert kinds(stream, A) == ["StudentRemoved"]


def test_a_stream_of_the_first_release_has_no_follow_up():
    """It is constructed, takes no registration, announces nothing, and can be skipped only."""
    content = {name: CONTENT[name] for name in ("snapshot", "snapshot_digest", "rule")}
    stream = planned(content=content).to("2026-09-12 08:00")
    stream.hear("registered", rows=[registration(A)])
    assert (stream.state.pupils, stream.machine.due()) == ({}, None)
    assert stream.refusal("record_checkpoints", REGISTRAR, rows=[row(A)]).code == "STAGE_HAS_NO_CONTENT"
    assert "retention" not in stream.machine.view()
    stream.do("skip", OFFICER, reason="NOT_NEEDED")


def test_a_closed_campaign_follows_nobody_up():
    """News that comes after the end changes nothing."""
    stream = planned()
    stream.hear("close")
    stream.hear("registered", rows=[registration(A)])
    assert stream.state.pupils == {}


# -- dates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checkpoint", "on"),
    [("D+30", "2026-10-10"), ("D+45", "2026-10-25"), ("term_end", "2027-01-20"), ("next_March", "2027-03-16")],
)
def test_the_date_of_a_checkpoint(checkpoint, on):
    """Days after the registration, or a fixed day of the year after graduation."""
    state = registered().state
    found = checkpoint_date(checkpoint, state.pupils[A].registered_on, 2026, state.policy.parameters)
    assert found.isoformat() == on


def test_a_checkpoint_that_no_rule_knows_is_an_error_of_the_policy():
    """Nobody leaves out a check because its name was misspelt."""
    state = registered().state
    with pytest.raises(ValueError, match="next_may"):
        checkpoint_date("next_may", state.pupils[A].registered_on, 2026, state.policy.parameters)


def test_a_late_registration_has_no_checkpoint_before_it():
    """Registered in February: the end of term has passed, and thirty days later comes after March's check."""
    stream = registered(registration(A, "2027-02-20"), now="2027-02-22 08:00")
    assert list(stream.state.dates(stream.state.pupils[A])) == ["next_March", "D+30"]
    stream.to("2027-03-25 08:00")
    assert refused(stream, row(A, checkpoint="term_end")) == [(0, "CHECKPOINT_UNKNOWN")]
    assert record(stream, row(A, checkpoint="next_March"), row(A)) == [
        "RetentionConfirmed",
        "RetentionConfirmed",
        "Retained",
    ]


def test_each_date_is_announced_once_with_its_term():
    """At eight in the morning, for all pupils of that date; ten days are given."""
    stream = registered(registration(A), registration(B, "2026-09-11"), registration(C)).to(LAST)
    told = [event["data"] for event in stream.ledger if event["type"] == "CheckpointDue"]
    assert told == [
        {"checkpoint": "D+30", "on": "2026-10-10", "due": "2026-10-20", "students": 2},
        {"checkpoint": "D+30", "on": "2026-10-11", "due": "2026-10-21", "students": 1},
        {"checkpoint": "term_end", "on": "2027-01-20", "due": "2027-01-30", "students": 3},
        {"checkpoint": "next_March", "on": "2027-03-16", "due": "2027-03-26", "students": 3},
    ]
    assert stream.moments("CheckpointDue")[0] == "2026-10-10 08:00"
    stream.consistent()


def test_an_announcement_counts_who_still_needs_the_check():
    """Not those who lawfully transferred or were looked at that morning, nor those who left."""
    stream = registered(registration(A), registration(B), registration(C)).to("2026-10-10 08:00")
    record(stream, row(A, "transfer", evidence="DOCUMENT"))
    stream.hear("student_left", student=B, exit="DEATH")
    stream.to("2027-01-20 08:00")
    assert stream.last("CheckpointDue")["data"]["students"] == 1


def test_a_date_comes_during_a_pause_and_after_a_stop():
    """Fixed deadlines are held by nothing; only a skipped stage announces no date."""
    held = registered()
    held.hear("pause", scope="school", reason="SNOW")
    assert held.to("2026-10-11 08:00").moments("CheckpointDue") == ["2026-10-10 08:00"]
    held.hear("stop", reason="ORDER")
    assert held.to("2027-01-21 08:00").moments("CheckpointDue")[-1] == "2027-01-20 08:00"
    skipped = registered()
    skipped.do("skip", OFFICER, reason="NOT_NEEDED")
    assert skipped.to(LAST).moments("CheckpointDue") == []


def test_a_registration_heard_late_is_announced_for_the_day_that_has_passed():
    """It is due at once; the event says when the date was."""
    stream = registered(registration(A), now="2026-11-02 08:00")
    stream.to("2026-11-02 08:01")
    assert stream.moments("CheckpointDue") == ["2026-10-10 08:00"]
    assert work(stream) == [(A, "CHECKPOINTS_OPEN")]


# -- checks -----------------------------------------------------------------------------------------------------


def test_no_check_before_its_date():
    """Not a minute before the day begins, neither now nor as said; on the day before eight o'clock it is in time."""
    stream = registered().to("2026-10-09 23:59")
    assert refused(stream, row(A)) == [(0, "CHECKPOINT_TOO_EARLY")]
    stream.to("2026-10-10 00:00")
    assert refused(stream, row(A), occurred_at="2026-10-09T23:59:00+08:00") == [(0, "CHECKPOINT_TOO_EARLY")]
    assert record(stream, row(A)) == ["RetentionConfirmed"]
    assert stream.last("RetentionConfirmed")["data"] == {"student": A, "checkpoint": "D+30", "evidence": "SEEN"}


@pytest.mark.parametrize(
    ("state", "event", "standing", "ahead"),
    [
        ("present", "RetentionConfirmed", Standing.PRESENT, ["term_end", "next_March"]),
        ("suspended", "SuspendedStudy", Standing.SUSPENDED, ["term_end", "next_March"]),
        ("transfer", "LawfulTransfer", Standing.TRANSFERRED, []),
        ("lost", "Lost", Standing.LOST, []),
        ("not_reached", "NotReached", Standing.UNKNOWN, ["D+30", "term_end", "next_March"]),
    ],
)
def test_what_a_finding_leads_to(state, event, standing, ahead):
    """Its event, where the pupil is, and the checks that are still needed."""
    stream = registered().to("2026-10-10 08:00")
    assert record(stream, row(A, state)) == [event]
    pupil = stream.state.pupils[A]
    dates = stream.state.dates(pupil)
    assert (pupil.standing(dates), pupil.open(dates)) == (standing, ahead)
    stream.consistent()


def test_the_last_check_makes_a_pupil_retained():
    """All three in one command; earlier ones alone do not."""
    stream = registered().to(LAST)
    assert record(stream, row(A), row(A, checkpoint="term_end")) == ["RetentionConfirmed"] * 2
    assert record(stream, row(A, checkpoint="next_March")) == ["RetentionConfirmed", "Retained"]
    assert stream.last("Retained")["data"] == {"student": A}


def test_a_loss_needs_more_than_hearsay():
    """A call is enough; other findings may rest on hearsay."""
    stream = registered().to("2026-10-10 08:00")
    assert refused(stream, row(A, "lost", evidence="HEARSAY")) == [(0, "EVIDENCE_TOO_WEAK")]
    record(stream, row(A, "lost", evidence="CALL"), row(B, "present", evidence="HEARSAY"))


def test_every_bad_row_is_named_and_none_is_kept():
    """Positions in the command and codes."""
    stream = registered().to("2026-10-10 08:00")
    stream.hear("student_left", student=D, exit="TRANSFER")
    record(stream, row(B))
    rows = [row(A), row(A, "lost"), row(B), row(C), row(D), row("stu_999999"), row(A, checkpoint="term_end")]
    assert refused(stream, *rows, row(A, checkpoint="D+31")) == [
        (1, "STUDENT_TWICE"),
        (2, "ALREADY_RECORDED"),
        (3, "STUDENT_NOT_REGISTERED"),
        (4, "STUDENT_LEFT"),
        (5, "STUDENT_UNKNOWN"),
        (6, "CHECKPOINT_TOO_EARLY"),
        (7, "CHECKPOINT_UNKNOWN"),
    ]
    assert kinds(stream, A) == ["FollowUpStarted"]


def test_a_receiving_school_speaks_for_its_own_pupils_only():
    """One foreign row and the attempt is on record; nothing of it is kept."""
    stream = registered().to("2026-10-10 08:00")
    assert stream.recorded("record_checkpoints", RECEIVER, rows=[row(A), row(D)]) == "WRONG_SCHOOL"
    assert stream.state.pupils[A].checks == {}
    assert record(stream, row(A), row(B), who=RECEIVER) == ["RetentionConfirmed"] * 2
    assert record(stream, row(D), who=OTHER_RECEIVER) == ["RetentionConfirmed"]
    version = stream.state.pupils[D].checks["D+30"].version
    values = {"state": "lost"}
    wrong = stream.recorded("correct", RECEIVER, version=version, values=values, reason="TYPO")
    assert (wrong, stream.state.pupils[D].checks["D+30"].state) == ("WRONG_SCHOOL", "present")


@pytest.mark.parametrize("who", [AUDITOR, DISCIPLINE, OFFICER])
def test_who_has_no_part_in_checks_records_none(who):
    """The table of permissions decides."""
    stream = registered().to("2026-10-10 08:00")
    assert stream.refusal("record_checkpoints", who, rows=[row(A)]).code == "ROLE_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("days", "final"),
    [
        (["10 09:00", "11 09:00"], False),
        (["10 09:00", "11 09:00", "12 09:00"], True),
        (["10 23:59", "11 00:00", "12 00:00"], True),
    ],
)
def test_three_days_of_trying_are_enough(days, final):
    """Until then the pupil stays on the work list; afterwards not reached is an ordinary outcome."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    for day in days:
        assert record(stream.to(f"2026-10-{day}"), row(A, "not_reached", evidence="CALL")) == ["NotReached"]
    assert stream.last("NotReached")["data"]["final"] is final
    assert work(stream) == ([] if final else [(A, "CHECKPOINTS_OPEN")])
    assert counts(stream.state)["not_reached"] == int(final)
    stream.consistent()


def test_trying_twice_a_day_counts_once():
    """The second try of a civil day is refused, and so is one after the final outcome."""
    stream = registered(registration(A)).to("2026-10-10 09:00")
    record(stream, row(A, "not_reached"))
    assert refused(stream.to("2026-10-10 23:59"), row(A, "not_reached")) == [(0, "ALREADY_RECORDED")]
    for day in ("11", "12"):
        record(stream.to(f"2026-10-{day} 09:00"), row(A, "not_reached"))
    assert refused(stream.to("2026-10-13 09:00"), row(A, "not_reached")) == [(0, "ALREADY_RECORDED")]


@pytest.mark.parametrize("tries", [1, 3])
def test_who_is_found_after_all_contradicts_nothing(tries):
    """Not reached says nothing of where a pupil is, so the finding stands; and later nobody need be reached."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    for day in range(tries):
        record(stream.to(f"2026-10-{10 + day} 09:00"), row(A, "not_reached"))
    assert record(stream, row(A)) == ["RetentionConfirmed"]
    assert stream.state.pupils[A].tries == {}
    assert refused(stream.to("2026-10-20 09:00"), row(A, "not_reached")) == [(0, "ALREADY_RECORDED")]


# -- loss, transfer, return -------------------------------------------------------------------------------------


def test_gone_after_day_thirty_and_back_in_march():
    """Present on day 30, lost at the end of term, found in March: returned, present, and retained (edge case 20)."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A))
    record(stream.to("2027-01-20 08:00"), row(A, "lost", "term_end"))
    assert counts(stream.state)["lost"] == 1
    assert record(stream.to(LAST), row(A, checkpoint="next_March")) == ["Returned", "Retained"]
    assert counts(stream.state) == {
        "registered": 1, "present": 1, "transferred": 0, "suspended": 0, "lost": 0, "not_reached": 0, "unknown": 0,
    }  # fmt: skip
    assert missing(stream) == {}
    stream.consistent()


def test_a_return_makes_later_checks_needed_again():
    """Lost on day 30, back at the end of term: March's check is owed like anybody's."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A, "lost"))
    assert missing(stream) == {}
    record(stream.to("2027-01-20 08:00"), row(A, checkpoint="term_end"))
    assert missing(stream) == {"CHECKPOINTS_AHEAD": 1}
    assert missing(stream.to(LAST)) == {"CHECKPOINTS_OPEN": 1}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("present", "Returned"),
        ("transfer", "LawfulTransfer"),
        ("suspended", "SuspendedStudy"),
        ("lost", None),
        ("not_reached", None),
    ],
)
def test_what_can_be_said_of_a_lost_pupil_later(state, expected):
    """Only where the pupil was found; that the pupil is still lost needs no second record."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A, "lost"))
    stream.to("2027-01-20 08:00")
    if expected is None:
        assert refused(stream, row(A, state, "term_end")) == [(0, "CHECKPOINT_NOT_NEEDED")]
    else:
        assert record(stream, row(A, state, "term_end")) == [expected]


def test_nothing_is_asked_after_a_lawful_transfer():
    """Another school follows up now."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A, "transfer", evidence="REGISTER"))
    assert refused(stream.to(LAST), row(A, checkpoint="next_March")) == [(0, "CHECKPOINT_NOT_NEEDED")]
    assert (missing(stream), work(stream)) == ({}, [])


def test_an_earlier_check_recorded_later_does_not_move_the_pupil():
    """Present at the end of term; the loss on day 30 that comes to light afterwards is history."""
    stream = registered(registration(A)).to("2027-01-20 08:00")
    record(stream, row(A, checkpoint="term_end"))
    record(stream, row(A, "lost"))
    assert counts(stream.state)["present"] == 1
    assert missing(stream) == {"CHECKPOINTS_AHEAD": 1}


# -- contradictions ---------------------------------------------------------------------------------------------


def disputed(found="lost", evidence="DOCUMENT"):
    """Return a stage in which the receiving school has seen A, and the registrar brings another finding."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A), who=RECEIVER)
    assert record(stream, row(A, found, evidence=evidence)) == ["EvidenceConflicting"]
    return stream


@pytest.mark.parametrize("evidence", ["REGISTER", "CALL"])
def test_neither_finding_wins_by_its_grade(evidence):
    """Stronger or weaker: the pupil's whereabouts are unknown until somebody has looked (B21)."""
    stream = disputed(evidence=evidence)
    assert stream.last("EvidenceConflicting")["data"] == {
        "student": A, "checkpoint": "D+30", "held": "present", "held_evidence": "SEEN", "found": "lost",
        "found_evidence": evidence,
    }  # fmt: skip
    assert counts(stream.state)["unknown"] == 1
    assert missing(stream) == {"EVIDENCE_CONFLICTING": 1, "CHECKPOINTS_AHEAD": 2}
    assert work(stream) == [(A, "EVIDENCE_CONFLICTING")]


def test_a_disputed_check_takes_no_record_and_no_correction():
    """Whoever recorded one side cannot end the dispute by giving in or insisting."""
    stream = disputed()
    for state in ("present", "lost", "transfer", "not_reached"):
        assert refused(stream, row(A, state)) == [(0, "EVIDENCE_DISPUTED")]
    version = stream.last("RetentionConfirmed")["version"]
    refusal = stream.refusal("correct", RECEIVER, version=version, values={"state": "lost"}, reason="TYPO")
    assert refusal.code == "EVIDENCE_DISPUTED"


@pytest.mark.parametrize(
    ("state", "known"),
    [("present", "present"), ("lost", "lost"), ("transfer", "transferred"), ("suspended", "suspended")],
)
def test_a_third_person_says_what_holds(state, known):
    """One of the two findings or another; with a reason, and the dispute is over."""
    stream = disputed()
    assert stream.refusal("resolve_evidence", DISCIPLINE, **{**resolve(A, state), "reason": None}).code == (
        "REASON_REQUIRED"
    )
    stream.do("resolve_evidence", DISCIPLINE, **resolve(A, state))
    assert stream.last("EvidenceResolved")["data"]["reason"] == "LOOKED"
    assert counts(stream.state)[known] == 1
    assert "EVIDENCE_CONFLICTING" not in missing(stream)
    assert stream.refusal("resolve_evidence", DISCIPLINE, **resolve(A, state)).code == "EVIDENCE_NOT_CONFLICTING"
    stream.consistent()


def test_nobody_decides_about_their_own_record():
    """Neither of the two recorders, nor who stands in for one; another registrar may."""
    stream = disputed()
    assert stream.recorded("resolve_evidence", REGISTRAR, **resolve(A, "lost")) == "SELF_APPROVAL"
    deputy = SECOND_REGISTRAR.model_copy(update={"on_behalf_of": RECEIVER.id})
    assert stream.recorded("resolve_evidence", deputy, **resolve(A, "present")) == "SELF_APPROVAL"
    stream.do("resolve_evidence", SECOND_REGISTRAR, **resolve(A, "lost"))


def test_a_decision_keeps_the_rule_about_hearsay():
    """A loss is not decided on a rumour, and not reached decides nothing."""
    stream = disputed()
    weak = resolve(A, "lost", evidence="HEARSAY")
    assert stream.refusal("resolve_evidence", DISCIPLINE, **weak).code == "EVIDENCE_TOO_WEAK"
    assert stream.refusal("resolve_evidence", DISCIPLINE, **resolve(A, "not_reached")).code == "COMMAND_INVALID"


def test_a_decision_can_be_contested_by_other_evidence_only():
    """It is no row to correct; another finding disputes it again."""
    stream = disputed()
    stream.do("resolve_evidence", DISCIPLINE, **resolve(A, "present"))
    version = stream.last("EvidenceResolved")["version"]
    refusal = stream.refusal("correct", REGISTRAR, version=version, values={"state": "lost"}, reason="TYPO")
    assert refusal.code == "NOT_CORRECTABLE"
    assert record(stream, row(A, "lost", evidence="REGISTER")) == ["EvidenceConflicting"]


@pytest.mark.parametrize(("student", "code"), [(E, "STUDENT_NOT_REGISTERED"), ("stu_999999", "STUDENT_UNKNOWN")])
def test_a_decision_about_somebody_who_is_not_followed_up(student, code):
    """The same codes as for rows."""
    assert disputed().refusal("resolve_evidence", DISCIPLINE, **resolve(student, "lost")).code == code


def test_the_last_check_decided_as_present_makes_a_pupil_retained_once():
    """Lost or present in March: present it was; had the first record said so, nothing new is said."""
    for first, second, said in (("lost", "present", 1), ("present", "lost", 1)):
        stream = registered(registration(A)).to(LAST)
        record(stream, row(A, first, "next_March"), who=RECEIVER)
        record(stream, row(A, second, "next_March"))
        stream.do("resolve_evidence", DISCIPLINE, **resolve(A, "present", "next_March"))
        assert kinds(stream, A).count("Retained") == said


# -- corrections ------------------------------------------------------------------------------------------------


def test_a_recorded_check_is_corrected():
    """The correction names what it corrects; the corrected check can be corrected again, the old version cannot."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A, "lost"), who=HEAD)
    version = stream.last("Lost")["version"]
    stream.do("correct", HEAD, version=version, values={"state": "transfer", "evidence": "DOCUMENT"}, reason="TYPO")
    assert stream.last("CheckpointCorrected")["data"] == {
        "student": A, "checkpoint": "D+30", "state": "transfer", "evidence": "DOCUMENT", "corrects": version,
        "reason": "TYPO",
    }  # fmt: skip
    assert counts(stream.state)["transferred"] == 1
    values = {"state": "present"}
    assert stream.refusal("correct", HEAD, version=version, values=values, reason="TYPO").code == "NOT_CORRECTABLE"
    newer = stream.last("CheckpointCorrected")["version"]
    stream.do("correct", HEAD, version=newer, values=values, reason="TYPO")
    assert counts(stream.state)["present"] == 1
    stream.consistent()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"state": "lost"}, "EVIDENCE_TOO_WEAK"),
        ({"state": "gone"}, "COMMAND_INVALID"),
        ({"checkpoint": "term_end"}, "COMMAND_INVALID"),
        ({"student": B}, "COMMAND_INVALID"),
    ],
)
def test_a_correction_keeps_the_rules_of_the_row(values, code):
    """Hearsay makes no loss, and a row keeps its pupil and its checkpoint."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A, evidence="HEARSAY"))
    version = stream.last("RetentionConfirmed")["version"]
    assert stream.refusal("correct", HEAD, version=version, values=values, reason="TYPO").code == code


def test_a_check_corrected_to_not_reached_is_open_again():
    """The day counts as the first of three; days of trying are no record to correct."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A), who=HEAD)
    version = stream.last("RetentionConfirmed")["version"]
    stream.do("correct", HEAD, version=version, values={"state": "not_reached"}, reason="TYPO")
    assert work(stream) == [(A, "CHECKPOINTS_OPEN")]
    assert stream.state.pupils[A].tries == {"D+30": ["2026-10-10"]}
    again = stream.last("CheckpointCorrected")["version"]
    refusal = stream.refusal("correct", HEAD, version=again, values={"state": "present"}, reason="TYPO")
    assert refusal.code == "NOT_CORRECTABLE"
    stream.consistent()


def test_who_corrected_a_check_had_a_hand_in_it():
    """The corrector and the first recorder are both kept from deciding a dispute about it."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A, "suspended"), who=SECOND_REGISTRAR)
    version = stream.last("SuspendedStudy")["version"]
    stream.do("correct", REGISTRAR, version=version, values={"evidence": "REGISTER"}, reason="TYPO")
    assert stream.names()[-1] == "CheckpointCorrected"
    record(stream, row(A, "lost"), who=RECEIVER)
    for who in (REGISTRAR, SECOND_REGISTRAR):
        assert stream.recorded("resolve_evidence", who, **resolve(A, "present")) == "SELF_APPROVAL"
    stream.consistent()


@pytest.mark.parametrize("found", ["present", "transfer", "not_reached"])
def test_a_correction_by_somebody_else_is_a_second_finding(found):
    """A class head does not overrule the register by calling it a typing error: a third person decides (B21)."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A, "lost", evidence="REGISTER"), who=REGISTRAR)
    version = stream.last("Lost")["version"]
    stream.do("correct", HEAD, version=version, values={"state": found, "evidence": "SEEN"}, reason="TYPO")
    assert stream.last("EvidenceConflicting")["data"] == {
        "student": A, "checkpoint": "D+30", "held": "lost", "held_evidence": "REGISTER", "found": found,
        "found_evidence": "SEEN",
    }  # fmt: skip
    assert "CheckpointCorrected" not in stream.names()
    assert missing(stream)["EVIDENCE_CONFLICTING"] == 1
    assert stream.recorded("resolve_evidence", REGISTRAR, **resolve(A, "lost")) == "SELF_APPROVAL"
    stream.do("resolve_evidence", DISCIPLINE, **resolve(A, "lost"))
    stream.consistent()


def test_correcting_the_evidence_first_opens_no_way_round():
    """Who corrected how well a finding is known has not found it, and cannot change it in a second step."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A, "lost", evidence="REGISTER"), who=REGISTRAR)
    deputy = HEAD.model_copy(update={"on_behalf_of": REGISTRAR.id})
    for who in (HEAD, deputy):
        version = stream.state.pupils[A].checks["D+30"].version
        stream.do("correct", who, version=version, values={"evidence": "DOCUMENT"}, reason="TYPO")
    version = stream.state.pupils[A].checks["D+30"].version
    stream.do("correct", HEAD, version=version, values={"state": "present", "evidence": "SEEN"}, reason="TYPO")
    assert stream.names()[-1] == "EvidenceConflicting"
    stream.consistent()


def test_a_correction_needs_the_right_to_record():
    """A bureau officer records no check, and so corrects none."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    record(stream, row(A))
    version = stream.last("RetentionConfirmed")["version"]
    refusal = stream.refusal("correct", OFFICER, version=version, values={"evidence": "REGISTER"}, reason="TYPO")
    assert (refusal.code, refusal.parameters["command"]) == ("ROLE_NOT_ALLOWED", "record_checkpoints")


# -- corrected and later registrations ---------------------------------------------------------------------------


def test_a_corrected_registration_moves_the_dates_and_the_school_and_keeps_the_checks():
    """The receiving school that really has the pupil takes over; what was looked at need not be looked at again."""
    stream = registered(registration(A), registration(B)).to("2026-10-10 08:00")
    record(stream, row(A), who=RECEIVER)
    stream.hear("registered", rows=[registration(A, "2026-09-15", OTHER_RECEIVING), registration(B)])
    assert stream.last("FollowUpCorrected")["data"] == {
        "student": A, "school": OTHER_RECEIVING, "registered_on": "2026-09-15",
    }  # fmt: skip
    assert stream.names().count("FollowUpCorrected") == 1
    assert stream.state.pupils[A].checks["D+30"].state == "present"
    assert stream.state.dates(stream.state.pupils[A])["D+30"] == date(2026, 10, 15)
    stream.to(LAST)
    assert stream.recorded("record_checkpoints", RECEIVER, rows=[row(A, checkpoint="term_end")]) == "WRONG_SCHOOL"
    record(stream, row(A, checkpoint="term_end"), who=OTHER_RECEIVER)
    stream.consistent()


def test_a_registration_moved_behind_a_disputed_checkpoint_leaves_the_dispute_to_be_decided():
    """The checkpoint is no longer the pupil's, and every later command still works."""
    stream = registered(registration(A)).to(LAST)
    record(stream, row(A, checkpoint="term_end"), who=RECEIVER)
    record(stream, row(A, "lost", checkpoint="term_end"))
    stream.hear("registered", rows=[registration(A, on="2027-03-01")])
    stream.do("resolve_evidence", DISCIPLINE, **resolve(A, "present", "term_end"))
    assert refused(stream, row(A, checkpoint="term_end")) == [(0, "CHECKPOINT_UNKNOWN")]
    stream.to("2027-04-02 08:00")
    record(stream, row(A, checkpoint="next_March"), row(A))
    stream.do("complete", PRINCIPAL)
    stream.consistent()


def test_who_is_registered_after_the_sign_off_is_followed_up_all_the_same():
    """On the work list when a date comes, recorded, disputed and decided; whoever was done before stays done."""
    stream = registered(registration(B)).to(LAST)
    record(stream, *(row(B, checkpoint=name) for name in ("D+30", "term_end", "next_March")))
    stream.do("complete", PRINCIPAL)
    stream.hear("registered", rows=[registration(A, on="2026-11-19")])
    stream.to(stream.now + timedelta(hours=1))
    assert work(stream) == [(A, "CHECKPOINTS_OPEN")]
    assert stream.refusal("record_checkpoints", REGISTRAR, rows=[row(A), row(B)]).code == "STAGE_NOT_OPEN"
    record(stream, row(A), who=RECEIVER)
    record(stream, row(A, "lost"))
    assert work(stream) == [(A, "EVIDENCE_CONFLICTING")]
    stream.do("resolve_evidence", DISCIPLINE, **resolve(A, "present"))
    record(stream, row(A, checkpoint="term_end"), row(A, checkpoint="next_March"))
    assert (work(stream), counts(stream.state)["present"]) == ([], 2)
    assert stream.refusal("record_checkpoints", REGISTRAR, rows=[row(A)]).code == "STAGE_NOT_OPEN"
    assert stream.machine.view()["status"] == "completed"
    stream.consistent()


# -- completing, lists, counts ----------------------------------------------------------------------------------


def test_a_stage_without_registered_pupils_can_be_completed_at_once():
    """Nobody is owed a check."""
    stream = planned().to("2026-09-02 08:00")
    stream.do("complete", PRINCIPAL)


def test_the_stage_is_completed_after_the_last_checkpoint():
    """Not while a date is ahead; then everything must have been looked at, whatever was found."""
    stream = registered().to("2026-10-10 08:00")
    record(stream, row(A), row(B, "transfer", evidence="DOCUMENT"))
    assert missing(stream) == {"CHECKPOINTS_OPEN": 1, "CHECKPOINTS_AHEAD": 4}
    refusal = stream.refusal("complete", PRINCIPAL)
    assert (refusal.code, [blocker.code for blocker in refusal.blockers]) == (
        "NOT_COMPLETE",
        ["CHECKPOINTS_OPEN", "CHECKPOINTS_AHEAD"],
    )
    record(stream, row(D, "lost"), who=OTHER_RECEIVER)
    stream.to(LAST)
    record(stream, row(A, "suspended", "term_end"), row(A, "lost", "next_March"))
    stream.do("complete", PRINCIPAL)
    assert work(stream) == []


def test_the_board_shows_counts_and_progress():
    """Counts of the school, progress of the classes in registered pupils; no teacher, no rank."""
    stream = registered().to("2026-10-10 08:00")
    record(stream, row(A), row(B, "transfer", evidence="DOCUMENT"))
    line = stream.machine.view()
    assert line["classes"] == {"2026-01": {"done": 1, "of": 2}, "2026-02": {"done": 0, "of": 1}}
    assert line["retention"] == {
        "registered": 3, "present": 1, "transferred": 1, "suspended": 0, "lost": 0, "not_reached": 0, "unknown": 1,
    }  # fmt: skip


def test_the_rates_are_exact():
    """Net retention leaves lawful transfers out; a rate of nothing is none (R-12)."""
    stream = registered().to("2026-10-10 08:00")
    record(stream, row(A), row(B, "transfer", evidence="DOCUMENT"), row(D, "lost"))
    found = rates(stream.state)
    assert {name: rate.value for name, rate in found.items()} == {
        "presence": Fraction(1, 3), "net_retention": Fraction(1, 2), "loss": Fraction(1, 3),
    }  # fmt: skip
    assert set(rates(planned().state).values()) == {None}


def test_who_leaves_the_register_is_counted_and_asked_about_no_more():
    """A pupil who died stops everything at once; a pupil who comes back is followed up by a new registration."""
    stream = registered(registration(A), registration(B)).to("2026-10-10 08:00")
    record(stream, row(A))
    record(stream, row(B), who=RECEIVER)
    record(stream, row(B, "lost"))
    for student in (A, B):
        stream.hear("student_left", student=student, exit="DEATH")
    assert (missing(stream), work(stream), counts(stream.state)["registered"]) == ({}, [], 0)
    version = stream.last("RetentionConfirmed")["version"]
    late = stream.refusal("correct", HEAD, version=version, values={"state": "lost"}, reason="TYPO")
    assert late.code == "NOT_CORRECTABLE"
    assert stream.refusal("resolve_evidence", DISCIPLINE, **resolve(B, "lost")).code == "STUDENT_LEFT"
    stream.hear("student_joined", student=A, class_id="2026-02", on="2026-10-12")
    assert refused(stream, row(A)) == [(0, "STUDENT_NOT_REGISTERED")]
    stream.hear("registered", rows=[registration(A, "2026-11-01", OTHER_RECEIVING)])
    assert (stream.state.pupils[A].school, stream.state.pupils[A].checks) == (OTHER_RECEIVING, {})
    stream.to(LAST).consistent()


def test_a_late_joiner_never_blocks_and_stays_on_the_list():
    """After the sign-off too: a list of joiners passes, one with anybody else does not."""
    stream = registered(registration(A)).to("2026-10-10 08:00")
    newcomer = "stu_000077"
    stream.hear("student_joined", student=newcomer, class_id="2026-01", on="2026-10-10")
    stream.hear("registered", rows=[registration(newcomer)])
    stream.to(LAST)
    record(stream, *(row(A, checkpoint=name) for name in ("D+30", "term_end", "next_March")))
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)
    assert work(stream) == [(newcomer, "CHECKPOINTS_OPEN")]
    assert stream.refusal("record_checkpoints", REGISTRAR, rows=[row(newcomer), row(A)]).code == "STAGE_NOT_OPEN"
    record(stream, row(newcomer), who=RECEIVER)
    record(stream, row(newcomer, "lost"))
    assert stream.refusal("resolve_evidence", DISCIPLINE, **resolve(A, "lost")).code == "STAGE_NOT_OPEN"
    stream.do("resolve_evidence", DISCIPLINE, **resolve(newcomer, "present"))
    stream.consistent()


def test_a_pause_holds_checks():
    """Staff progress waits; the dates do not."""
    stream = registered().to("2026-10-10 08:00")
    stream.hear("pause", scope="school", reason="SNOW")
    assert stream.refusal("record_checkpoints", HEAD, rows=[row(A)]).code == "STAGE_PAUSED"


def test_a_policy_without_checkpoints_asks_for_nothing():
    """An empty list is a county's choice; nothing is due and nothing blocks."""
    profile = policy(retention_checkpoints=[]).model_dump(mode="json")
    stream = registered(policy=profile).to("2026-10-10 08:00")
    assert refused(stream, row(A)) == [(0, "CHECKPOINT_UNKNOWN")]
    stream.do("complete", PRINCIPAL)


def test_the_state_survives_a_new_run_in_the_middle():
    """Checks, tries and disputes go through JSON unchanged."""
    stream = disputed()
    record(stream.to("2027-01-20 08:00"), row(A, "not_reached", "term_end"))
    stream.restart()
    again = RetentionState.model_validate(stream.state.model_dump(mode="json"))
    assert again == stream.state
    stream.do("resolve_evidence", DISCIPLINE, **resolve(A, "present"))
