"""A veto is proposed, heard, decided, published and appealed against, and never falls by itself (R-04, INV-19)."""

from __future__ import annotations

import pytest
from settlement_courses import DISCIPLINE, RUN, SECOND_APPROVER, approved, campaign, compute, counts
from stream_samples import APPROVER, AUDITOR, OFFICER, PRINCIPAL, SCHOOL, STRANGER, person

from domain.actors import Role

EIGHTEEN = ((18, 0),)
UNSERVED = {"pupils": 18, "informed": 18, "guided": 17, "free_refusals": 0}
SAID_NO = {"pupils": 18, "informed": 18, "guided": 18, "free_refusals": 18}


def found(served):
    """Return a campaign whose run has looked at a school that nobody registered from."""
    stream = campaign(EIGHTEEN)
    compute(stream, classes=counts(EIGHTEEN, **served))
    return stream


def imposed(publish=True):
    """Return a campaign with an imposed veto."""
    stream = found(UNSERVED)
    stream.do("propose_veto", OFFICER, run=RUN, school=SCHOOL)
    stream.do("hear_school", DISCIPLINE, run=RUN, school=SCHOOL, heard="MEETING")
    stream.do("decide_veto", APPROVER, run=RUN, school=SCHOOL, decision="IMPOSE", reason="SERVICE_MISSING")
    if publish:
        stream.do("publish_veto", OFFICER, run=RUN, school=SCHOOL)
    return stream


def appeal(**changes):
    """Return an appeal against the veto."""
    return {"appeal": "a-1", "run": RUN, "school": SCHOOL, "about": "VETO", "reason": "HEARD_BADLY"} | changes


def test_s14_families_who_said_no_after_full_service_are_never_a_ground():
    """NO_FAULT: 0 yuan, no points, and nobody can propose a veto (R-04, INV-07)."""
    stream = found(SAID_NO)
    event = stream.last("SettlementComputed")["data"]
    assert event["findings"] == {SCHOOL: "NO_FAULT"}
    assert (event["totals"]["amount_fen"], event["totals"]["points"]) == (0, 0)
    assert stream.refusal("propose_veto", OFFICER, run=RUN, school=SCHOOL).code == "VETO_NO_FAULT"


def test_nothing_is_proposed_by_itself_or_without_a_finding():
    """INV-19: computing writes no proposal; a school above the line or fully served has none."""
    stream = found(UNSERVED)
    assert stream.last("SettlementComputed")["data"]["findings"] == {SCHOOL: "VETO_PROPOSED"}
    assert not [name for name in stream.names() if name.startswith("Veto")]
    served = found({**SAID_NO, "free_refusals": 0})
    assert served.refusal("propose_veto", OFFICER, run=RUN, school=SCHOOL).code == "VETO_NOT_FOUND"
    assert served.refusal("propose_veto", OFFICER, run="other", school=SCHOOL).code == "SETTLEMENT_RUN_UNKNOWN"


def test_the_school_is_heard_before_another_person_decides():
    """Each step once, in its order; the proposer decides nothing, in no role."""
    stream = found(UNSERVED)
    decide = {"run": RUN, "school": SCHOOL, "decision": "IMPOSE", "reason": "SERVICE_MISSING"}
    assert stream.refusal("decide_veto", APPROVER, **decide).code == "VETO_UNKNOWN"
    stream.do("propose_veto", OFFICER, run=RUN, school=SCHOOL)
    assert stream.last("VetoProposed")["data"] == {
        "run": RUN, "version": 1, "school": SCHOOL, "class_id": None, "quota": 18, "countable": 0, "pupils": None,
        "lost": None,
    }  # fmt: skip
    assert stream.refusal("propose_veto", OFFICER, run=RUN, school=SCHOOL).code == "VETO_EXISTS"
    assert stream.refusal("decide_veto", APPROVER, **decide).code == "VETO_NOT_HEARD"
    assert "VETOES_UNDECIDED" in [blocker.code for blocker in stream.decider.blockers(stream.state)]
    stream.do("hear_school", DISCIPLINE, run=RUN, school=SCHOOL, heard="WRITTEN")
    assert stream.refusal("hear_school", DISCIPLINE, run=RUN, school=SCHOOL, heard="CALL").code == "VETO_HEARD"
    proposer = person("officer", Role.BUREAU_APPROVER, "bureau")
    hearer = person("discipline", Role.BUREAU_APPROVER, "bureau")
    for who in (proposer, hearer):
        assert stream.recorded("decide_veto", who, **decide) == "SELF_APPROVAL"
    assert stream.refusal("decide_veto", APPROVER, **(decide | {"reason": None})).code == "REASON_REQUIRED"
    stream.do("decide_veto", APPROVER, **decide)
    assert stream.refusal("decide_veto", APPROVER, **decide).code == "VETO_DECIDED"
    stream.restart()
    stream.consistent()


def test_a_dropped_veto_is_at_its_end():
    """It is neither published nor appealed against."""
    stream = found(UNSERVED)
    stream.do("propose_veto", OFFICER, run=RUN, school=SCHOOL)
    stream.do("hear_school", OFFICER, run=RUN, school=SCHOOL, heard="CALL")
    stream.do("decide_veto", APPROVER, run=RUN, school=SCHOOL, decision="DROP", reason="SERVICE_SEEN")
    assert stream.refusal("publish_veto", OFFICER, run=RUN, school=SCHOOL).code == "VETO_NOT_IMPOSED"
    assert stream.refusal("appeal_settlement", PRINCIPAL, **appeal()).code == "APPEAL_NOTHING_PUBLISHED"


def test_an_upheld_appeal_lifts_the_veto_and_nobody_with_a_hand_decides_it():
    """Proposer, hearer, decider and the school itself are out; the auditor decides."""
    stream = imposed()
    stream.do("appeal_settlement", PRINCIPAL, **appeal())
    decide = {"appeal": "a-1", "outcome": "UPHELD", "reason": "SERVICE_SEEN"}
    for who in (APPROVER, DISCIPLINE):
        assert stream.recorded("decide_settlement_appeal", who, **decide) == "SELF_APPROVAL"
    stream.do("decide_settlement_appeal", AUDITOR, **decide)
    assert stream.names()[-2:] == ["SettlementAppealDecided", "VetoLifted"]
    again = person("auditor2", Role.AUDITOR, "bureau")
    assert stream.refusal("decide_settlement_appeal", again, **decide).code == "APPEAL_DECIDED"
    stream.consistent()


def test_an_appeal_that_is_not_upheld_leaves_the_veto():
    """No event lifts it."""
    stream = imposed()
    stream.do("appeal_settlement", PRINCIPAL, **appeal())
    fields = {"appeal": "a-1", "outcome": "NOT_UPHELD", "reason": "SERVICE_MISSING"}
    stream.do("decide_settlement_appeal", SECOND_APPROVER, **fields)
    assert "VetoLifted" not in stream.names()


def test_seven_days_from_publication_and_by_the_schools_own_principal():
    """To the end of the last civil day; another school's principal is refused on record."""
    stream = imposed()
    assert stream.last("VetoPublished")["data"]["appeal_until"] == "2026-11-30"
    assert stream.recorded("appeal_settlement", STRANGER, **appeal()) == "WRONG_SCHOOL"
    stream.to("2026-11-30 23:59")
    stream.do("appeal_settlement", PRINCIPAL, **appeal())
    assert stream.refusal("appeal_settlement", PRINCIPAL, **appeal()).code == "APPEAL_EXISTS"
    stream.to("2026-12-01 00:00")
    late = stream.refusal("appeal_settlement", PRINCIPAL, **appeal(appeal="a-2"))
    assert (late.code, late.parameters) == ("APPEAL_TOO_LATE", {"until": "2026-11-30"})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"about": "LINE", "class_id": "2026-09"}, "SETTLEMENT_LINE_UNKNOWN"),
        ({"about": "LINE"}, "SETTLEMENT_LINE_UNKNOWN"),
        ({"about": "RESULT", "class_id": "2026-01"}, "SETTLEMENT_LINE_UNKNOWN"),
        ({"about": "RESULT", "reason": None}, "REASON_REQUIRED"),
    ],
)
def test_an_appeal_says_what_it_is_about(changes, code):
    """A line by its class, the result without one, and always with a ground."""
    stream = found(UNSERVED)
    approved(stream)
    stream.do("publish_settlement", OFFICER, run=RUN)
    fields = {name: value for name, value in appeal(**changes).items() if value is not None}
    assert stream.refusal("appeal_settlement", PRINCIPAL, **fields).code == code
    assert stream.refusal("decide_settlement_appeal", AUDITOR, appeal="a-9", outcome="UPHELD").code == "APPEAL_UNKNOWN"


def test_a_veto_is_not_imposed_on_a_finding_that_a_new_version_has_not():
    """INV-19, X3: computed again, the run finds free refusals only; the proposal can be dropped and not imposed."""
    stream = found(UNSERVED)
    stream.do("propose_veto", OFFICER, run=RUN, school=SCHOOL)
    stream.do("hear_school", DISCIPLINE, run=RUN, school=SCHOOL, heard="MEETING")
    compute(stream, classes=counts(EIGHTEEN, **SAID_NO))
    decide = {"run": RUN, "school": SCHOOL, "reason": "SERVICE_MISSING"}
    assert stream.refusal("decide_veto", APPROVER, **decide, decision="IMPOSE").code == "VETO_NO_FAULT"
    stream.do("decide_veto", APPROVER, **decide, decision="DROP")
    stream.consistent()


def test_a_campaign_is_not_closed_over_a_veto_that_nobody_could_appeal_against():
    """INV-19: imposed and not published, there is no time for an appeal."""
    stream = imposed(publish=False)
    assert "VETOES_UNPUBLISHED" in [one.code for one in stream.decider.blockers(stream.state)]
    stream.do("publish_veto", OFFICER, run=RUN, school=SCHOOL)
    assert "VETOES_UNPUBLISHED" not in [one.code for one in stream.decider.blockers(stream.state)]


def test_a_campaign_is_not_closed_while_a_school_can_appeal():
    """INV-19: a closed campaign takes in no appeal, so it is closed after the last day for one."""
    stream = imposed()
    refusal = stream.refusal("close_campaign", OFFICER, reason="YEAR_OVER")
    assert ("APPEAL_TIME_RUNNING", 1) in [(one.code, one.count) for one in refusal.blockers]
    stream.to("2026-12-10 08:00")
    refusal = stream.refusal("close_campaign", OFFICER, reason="YEAR_OVER")
    assert "APPEAL_TIME_RUNNING" not in [one.code for one in refusal.blockers]
