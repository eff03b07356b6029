"""A veto for dropout goes the way of the other: proposed, heard, decided, published (R-05, X3; INV-19, S08)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from settlement_courses import AS_AT, DISCIPLINE, RUN, SECOND_APPROVER, basis, campaign, compute, counts
from stream_samples import APPROVER, AUDITOR, OFFICER, PRINCIPAL, SCHOOL, person

from domain.actors import Role
from domain.dropout_rates import DropoutCount, dropout_finding, dropout_results
from domain.policy import PROFILES

TALLIES = ((10, 10),)
CLASS = "2026-01"
ABOUT = {"run": RUN, "school": SCHOOL, "class_id": CLASS}
COMPLIANT, LEGACY = (PROFILES[name].parameters for name in ("compliant", "legacy"))

S08 = (
    (46, 0, True, False),
    (46, 1, False, False),
    (46, 2, False, False),
    (46, 3, False, True),
    (50, 1, False, False),
    (51, 1, True, False),
    (60, 3, False, False),
    (60, 4, False, True),
    (40, 2, False, False),
    (40, 3, False, True),
)
"""Class size, lost, award, veto proposed."""


def losses(*rows: tuple[int, int], **more: Any) -> list[dict[str, Any]]:
    """Return the losses of the school's classes as the client folds them."""
    return [
        {"school": SCHOOL, "class_id": f"2026-{number:02d}", "grade": 9, "size": size, "lost": lost, **more}
        for number, (size, lost) in enumerate(rows, 1)
    ]


def found(*rows: tuple[int, int], **more: Any):
    """Return a campaign whose run has looked at these losses."""
    stream = campaign(TALLIES)
    compute(stream, TALLIES, dropout=losses(*rows, **more))
    return stream


def imposed():
    """Return a campaign whose class has a published veto."""
    stream = found((46, 3))
    stream.do("propose_veto", OFFICER, **ABOUT)
    stream.do("hear_school", DISCIPLINE, **ABOUT, heard="MEETING")
    stream.do("decide_veto", APPROVER, **ABOUT, decision="IMPOSE", reason="REPORT_MISSING")
    stream.do("publish_veto", OFFICER, **ABOUT)
    return stream


def test_s08_each_row_goes_on_record_and_only_those_above_the_line_can_be_proposed():
    """Exactly 5 % is no ground; the record holds counts, rate, award and finding of every class."""
    stream = found(*((size, lost) for size, lost, *_ in S08))
    lines = stream.last("DropoutRatesAdded")["data"]["lines"]
    assert [(line["pupils"], line["lost"], line["rate"]) for line in lines] == [
        (size, lost, f"{lost}/{size}") for size, lost, *_ in S08
    ]
    assert [(line["award"], line["finding"]) for line in lines] == [
        (award, "VETO_PROPOSED" if veto else None) for *_, award, veto in S08
    ]
    for number, (*_, veto) in enumerate(S08, 1):
        about = ABOUT | {"class_id": f"2026-{number:02d}"}
        if veto:
            stream.do("propose_veto", OFFICER, **about)
        else:
            assert stream.refusal("propose_veto", OFFICER, **about).code == "VETO_NOT_FOUND"
    assert stream.names().count("VetoProposed") == sum(veto for *_, veto in S08)
    stream.restart()
    stream.consistent()


def test_nothing_is_paid_or_proposed_by_itself():
    """INV-19: computing writes no proposal, and losses move neither money nor points."""
    stream = found((46, 3))
    assert not [name for name in stream.names() if name.startswith("Veto")]
    with_losses, without = stream.last("SettlementComputed")["data"], campaign(TALLIES)
    compute(without, TALLIES)
    assert with_losses == without.last("SettlementComputed")["data"]
    assert "DropoutRatesAdded" not in without.names()
    assert without.refusal("propose_veto", OFFICER, **ABOUT).code == "VETO_NOT_FOUND"


def test_a_school_that_did_all_it_owes_has_no_fault():
    """R-15: gone to each lost pupil and reported in time; one pupil less, and people look at it."""
    whole = found((46, 3), served=3)
    assert whole.last("DropoutRatesAdded")["data"]["lines"][0]["finding"] == "NO_FAULT"
    refusal = whole.refusal("propose_veto", OFFICER, **ABOUT)
    assert (refusal.code, refusal.parameters["school"]) == ("VETO_DUTY_DONE", f"{SCHOOL}/{CLASS}")
    found((46, 3), served=2).do("propose_veto", OFFICER, **ABOUT)


def test_each_step_once_and_nobody_twice():
    """The school is heard first, and neither proposer nor hearer decides, in no role (INV-19, INV-21)."""
    stream = found((46, 3))
    decide = {**ABOUT, "decision": "IMPOSE", "reason": "REPORT_MISSING"}
    assert stream.refusal("decide_veto", APPROVER, **decide).code == "VETO_UNKNOWN"
    stream.do("propose_veto", OFFICER, **ABOUT)
    assert stream.last("VetoProposed")["data"] == {
        **ABOUT, "version": 1, "quota": None, "countable": None, "pupils": 46, "lost": 3,
    }  # fmt: skip
    assert stream.refusal("propose_veto", OFFICER, **ABOUT).code == "VETO_EXISTS"
    assert stream.refusal("decide_veto", APPROVER, **decide).code == "VETO_NOT_HEARD"
    assert "VETOES_UNDECIDED" in [blocker.code for blocker in stream.decider.blockers(stream.state)]
    stream.do("hear_school", DISCIPLINE, **ABOUT, heard="WRITTEN")
    for name in ("officer", "discipline"):
        who = person(name, Role.BUREAU_APPROVER, "bureau")
        assert stream.recorded("decide_veto", who, **decide) == "SELF_APPROVAL"
    stream.do("decide_veto", APPROVER, **decide)
    assert stream.refusal("publish_veto", OFFICER, run=RUN, school=SCHOOL).code == "VETO_UNKNOWN"
    stream.do("publish_veto", OFFICER, **ABOUT)
    stream.restart()
    stream.consistent()


def test_the_vetoes_of_a_school_and_of_its_class_are_two():
    """Each has its own finding and its own way; who proposed the one may decide the other."""
    stream = campaign(((18, 0),))
    unserved = {"pupils": 18, "informed": 18, "guided": 17, "free_refusals": 0}
    compute(stream, classes=counts(((18, 0),), **unserved), dropout=losses((46, 3)))
    school = {"run": RUN, "school": SCHOOL}
    stream.do("propose_veto", OFFICER, **school)
    stream.do("propose_veto", OFFICER, **ABOUT)
    stream.do("hear_school", DISCIPLINE, **school, heard="CALL")
    stream.do("decide_veto", APPROVER, **school, decision="DROP", reason="SERVICE_SEEN")
    assert stream.refusal("decide_veto", APPROVER, **ABOUT, decision="DROP", reason="SEEN").code == "VETO_NOT_HEARD"
    statuses = {name: veto.status for name, veto in stream.state.settlement.vetoes.items()}
    assert statuses == {f"{RUN}/{SCHOOL}": "DROPPED", f"{RUN}/{SCHOOL}/{CLASS}": "PROPOSED"}


def test_the_principal_appeals_and_an_upheld_appeal_lifts_it():
    """Against the veto of the class by its name; without it there is none of the school; nobody with a hand decides."""
    stream = imposed()
    appeal = {"appeal": "a-1", "run": RUN, "school": SCHOOL, "about": "VETO", "reason": "REPORTED_IN_TIME"}
    assert stream.refusal("appeal_settlement", PRINCIPAL, **appeal).code == "VETO_UNKNOWN"
    stream.do("appeal_settlement", PRINCIPAL, **appeal, class_id=CLASS)
    decide = {"appeal": "a-1", "outcome": "UPHELD", "reason": "REPORT_SEEN"}
    for who in (APPROVER, DISCIPLINE):
        assert stream.recorded("decide_settlement_appeal", who, **decide) == "SELF_APPROVAL"
    stream.do("decide_settlement_appeal", SECOND_APPROVER, **decide)
    assert stream.last("VetoLifted")["data"] == {**ABOUT, "appeal": "a-1"}
    assert stream.state.settlement.vetoes[f"{RUN}/{SCHOOL}/{CLASS}"].status == "LIFTED"
    stream.consistent()


def test_a_trial_and_a_count_of_before_the_cutoff_are_no_ground():
    """X1, INV-11: lost is who has not returned at the year's end (R-05)."""
    stream = campaign(TALLIES)
    compute(stream, TALLIES, profile="legacy", dropout=losses((46, 3)))
    assert stream.refusal("propose_veto", OFFICER, **ABOUT).code == "SETTLEMENT_TRIAL_ONLY"
    compute(stream, TALLIES, as_at="2026-11-19T23:59:00+08:00", dropout=losses((46, 3)))
    assert stream.refusal("propose_veto", OFFICER, **ABOUT).code == "SETTLEMENT_BEFORE_CUTOFF"
    stream.do("review_settlement", AUDITOR, run=RUN, version=2)


def test_a_new_version_forgets_the_findings_of_the_one_before():
    """INV-29: a pupil came back; the class is below the line, and nothing is proposed of it."""
    stream = found((46, 3))
    compute(stream, TALLIES, dropout=losses((46, 2)))
    assert stream.refusal("propose_veto", OFFICER, **ABOUT).code == "VETO_NOT_FOUND"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([losses((46, 3))[0] | {"school": "9900019999"}], "SCHOOL_UNKNOWN"),
        (losses((46, 3)) * 2, "CLASS_TWICE"),
    ],
)
def test_losses_that_are_not_the_campaigns_are_refused(rows, code):
    """Each class once, of a school of the campaign."""
    fields = {"run": RUN, "profile": "compliant", "as_at": AS_AT, "basis": basis(), "classes": counts(TALLIES)}
    refusal = campaign(TALLIES).refusal("compute_settlement", OFFICER, dropout=rows, **fields)
    assert (refusal.code, refusal.parameters["rows"]) == ("ROWS_REFUSED", [{"row": len(rows) - 1, "code": code}])
    impossible = [losses((46, 3))[0] | {"served": 4}]
    wrong = campaign(TALLIES).refusal("compute_settlement", OFFICER, dropout=impossible, **fields)
    assert wrong.code == "COMMAND_INVALID"


def test_a_large_county_writes_its_losses_in_parts():
    """450 classes are in three events, and the state keeps those above the line only."""
    rows = [
        {"school": SCHOOL, "class_id": f"{2000 + n // 100}-{n % 100:02d}", "grade": 9, "size": 40, "lost": n % 4}
        for n in range(450)
    ]
    stream = campaign(TALLIES)
    compute(stream, TALLIES, dropout=rows)
    assert stream.names()[-4:] == ["SettlementComputed", *["DropoutRatesAdded"] * 3]
    assert len(stream.state.settlement.runs[RUN].losses) == sum(row["lost"] == 3 for row in rows)


@given(st.integers(1, 200), st.integers(0, 200), st.none() | st.integers(0, 200), st.booleans())
def test_what_excuses_is_the_whole_duty_and_nothing_less(size, lost, served, no_fault):
    """Unknown service excludes nothing, and below the line there is nothing to excuse (R-05, R-15)."""
    parameters = COMPLIANT.model_copy(update={"veto_no_fault": no_fault})
    finding = dropout_finding(lost, size, served, parameters, grade=9)
    above = 20 * lost > size
    assert (finding is not None) is above
    assert (finding == "NO_FAULT") is (above and no_fault and served is not None and served >= lost)


def test_grade_six_is_one_school_and_its_service_is_known_where_every_class_knows():
    """R-05: 4 of 37; one class that does not know its service leaves the school without an excuse."""
    rows = [
        DropoutCount(school="P", class_id="6-1", grade=6, size=20, lost=2, served=2),
        DropoutCount(school="P", class_id="6-2", grade=6, size=17, lost=2, served=2),
    ]
    assert [one.finding for one in dropout_results(rows, COMPLIANT)] == ["NO_FAULT"]
    assert [one.finding for one in dropout_results(rows, LEGACY)] == ["VETO_PROPOSED"]
    unknown = [rows[0], rows[1].model_copy(update={"served": None})]
    assert [one.finding for one in dropout_results(unknown, COMPLIANT)] == ["VETO_PROPOSED"]
    with pytest.raises(ValidationError):
        DropoutCount(school="P", class_id="6-1", grade=6, size=20, lost=2, served=3)
