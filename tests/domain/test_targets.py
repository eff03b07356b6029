from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import (
    APPROVER,
    AUDITOR,
    OFFICER,
    OTHER_SCHOOL,
    PRINCIPAL,
    SCHOOL,
    STRANGER,
    Stream,
    campaign_start,
    person,
    policy,
    when,
)

from domain.actors import Role
from domain.targets_events import Targets
from domain.targets_held import not_shared, quotas_in_force, targets_from, targets_in_force, to_assign

DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
PREVIEW = "a" * 64
CLASSES = {"2023-01": 12, "2023-02": 10}
COOP = {"spring_mode": "COOP_ORIGIN_XUEJI", "spring_document": "省教职〔2025〕3号"}


def campaign(schools: int = 2, release: int = 3, approved: bool = True, **changes) -> Stream:
    """Return a campaign of this release, on the morning of 20 October 2025."""
    stream = Stream("campaign", campaign_start(schools, release=release, **changes), when("2025-10-20 08:00"))
    if approved:
        stream.do("approve", APPROVER)
    return stream


def spring(schools: int = 1) -> Stream:
    """Return a campaign whose policy allows delivery in spring."""
    return campaign(schools, policy=policy(**COOP).model_dump(mode="json"))


def paper(number: str = "T-1", **changes):
    """Return a paper of 22 heads for one school and 7 for the other."""
    given = {"document": number, "effective": "2025-11-01", "schools": {SCHOOL: 22, OTHER_SCHOOL: 7}, "total": 29}
    return {**given, **changes}


def revision(number: str = "T-2", **changes):
    """Return a paper that takes two heads away from the first school, from 1 March on."""
    given = {"effective": "2026-03-01", "schools": {SCHOOL: 20, OTHER_SCHOOL: 7}, "total": 27, "preview": PREVIEW}
    return {**paper(number), "reason": "FEWER_PUPILS", **given, **changes}


def issued(stream: Stream, **changes) -> Stream:
    """Issue a paper and approve it."""
    given = paper(**changes)
    stream.do("issue_targets", OFFICER, **given)
    stream.do("approve_targets", APPROVER, document=given["document"])
    return stream


def revised(stream: Stream, **changes) -> Stream:
    """Revise it and approve that."""
    given = revision(**changes)
    stream.do("revise_targets", OFFICER, **given)
    stream.do("approve_targets", APPROVER, document=given["document"])
    return stream


def held(stream: Stream, on: str, wave=None):
    """Return the schools' targets of a day."""
    return targets_in_force(stream.state.targets, date.fromisoformat(on), wave=wave)


# -- a paper and its approval -------------------------------------------------------------------------------------


def test_a_paper_holds_once_another_person_approved_it_and_from_its_day():
    """Written it holds nothing; approved it holds from its effective day on, not before."""
    stream = campaign()
    stream.do("issue_targets", OFFICER, **paper())
    assert held(stream, "2026-06-04") == {}
    assert stream.machine.view()["targets"]["waiting"] == ["T-1"]
    stream.do("approve_targets", APPROVER, document="T-1")
    assert held(stream, "2025-10-31") == {}
    assert held(stream, "2025-11-01") == {SCHOOL: 22, OTHER_SCHOOL: 7}
    assert stream.last("TargetsApproved")["data"] == {"document": "T-1", "waves": ["autumn"]}
    stream.consistent()


SELF = [
    person("officer", Role.BUREAU_APPROVER, "bureau"),
    person("x", Role.BUREAU_APPROVER, "bureau", on_behalf_of=OFFICER.id),
]


@pytest.mark.parametrize("who", SELF, ids=["the author in another role", "somebody for the author"])
def test_nobody_approves_their_own_paper(who):
    """INV-21: refused on every path, and on record."""
    stream = campaign()
    stream.do("issue_targets", OFFICER, **paper())
    assert stream.recorded("approve_targets", who, document="T-1") == "SELF_APPROVAL"
    assert held(stream, "2026-06-04") == {}


def test_schools_sum_to_the_county():
    """INV-08: both numbers are named."""
    refusal = campaign().refusal("issue_targets", OFFICER, **paper(total=30))
    assert (refusal.code, refusal.parameters) == ("TARGETS_DO_NOT_ADD_UP", {"sum": 29, "total": 30})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"schools": {SCHOOL: 29, "9900019999": 0}}, "SCHOOL_UNKNOWN"),
        ({"document": "13800138000"}, "COMMAND_INVALID"),
        ({"document": " "}, "COMMAND_INVALID"),
        ({"schools": {SCHOOL: -1, OTHER_SCHOOL: 30}}, "COMMAND_INVALID"),
        ({"schools": {SCHOOL: 14.5, OTHER_SCHOOL: 14.5}}, "COMMAND_INVALID"),
        ({"wave": "summer"}, "COMMAND_INVALID"),
    ],
)
def test_a_paper_is_taken_as_it_must_be(changes, code):
    """Strangers, telephone numbers, negative and broken heads, and other seasons are refused."""
    assert campaign().refusal("issue_targets", OFFICER, **paper(**changes)).code == code


def test_a_number_occurs_once_and_a_wave_is_issued_once():
    """A second issue is a revision; a rejected paper's number is free again."""
    stream = issued(campaign())
    assert stream.refusal("issue_targets", OFFICER, **paper()).code == "TARGETS_DOCUMENT_USED"
    assert stream.refusal("issue_targets", OFFICER, **paper("T-9")).code == "TARGETS_EXIST"
    assert stream.refusal("revise_targets", OFFICER, **revision("T-1")).code == "TARGETS_DOCUMENT_USED"
    stream.do("revise_targets", OFFICER, **revision())
    assert stream.refusal("reject_targets", APPROVER, document="T-2").code == "REASON_REQUIRED"
    stream.do("reject_targets", APPROVER, document="T-2", reason="WRONG_SUM")
    assert stream.refusal("approve_targets", APPROVER, document="T-2").code == "TARGETS_UNKNOWN"
    stream.do("revise_targets", OFFICER, **revision())
    stream.do("approve_targets", APPROVER, document="T-2")
    assert stream.refusal("approve_targets", APPROVER, document="T-2").code == "TARGETS_APPROVED"
    stream.consistent()


def test_zero_and_more_than_there_are_pupils_are_allowed():
    """Edge 11 and 13: a quota of 0 and one above the grade are taken; the flags are for people to look at."""
    stream = issued(campaign(), schools={SCHOOL: 0, OTHER_SCHOOL: 700}, total=700)
    assert held(stream, "2026-06-04") == {SCHOOL: 0, OTHER_SCHOOL: 700}
    assert to_assign(stream.state.targets) == [OTHER_SCHOOL]


# -- a revision ---------------------------------------------------------------------------------------------------


def test_a_revision_carries_its_differences_and_what_was_shown():
    """The paper before, the schools that move, the reason and the preview's digest are in the event."""
    stream = revised(issued(campaign()))
    data = stream.last("TargetRevised")["data"]
    assert data["changes"] == {SCHOOL: {"was": 22, "now": 20}}
    assert (data["base"], data["preview"], data["reason"], data["backdated"]) == ("T-1", PREVIEW, "FEWER_PUPILS", False)
    assert held(stream, "2026-02-28") == {SCHOOL: 22, OTHER_SCHOOL: 7}
    assert held(stream, "2026-03-01") == {SCHOOL: 20, OTHER_SCHOOL: 7}
    stream.consistent()


def test_a_backdated_paper_keeps_both_days():
    """Edge 12: it says so, holds from its own day, and what was known before it came can still be asked."""
    stream = issued(campaign())
    stream.to("2026-06-10 09:00")
    revised(stream, effective="2026-05-27")
    assert stream.last("TargetRevised")["data"]["backdated"] is True
    on_4_june = date(2026, 6, 4)
    assert targets_in_force(targets_from(stream.ledger), on_4_june)[SCHOOL] == 20
    known_then = [one for one in stream.ledger if one["recorded_at"] < "2026-06-05"]
    assert targets_in_force(targets_from(known_then), on_4_june)[SCHOOL] == 22


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"effective": "2025-10-31"}, "TARGETS_TOO_EARLY"),
        ({"schools": {SCHOOL: 20}, "total": 20}, "TARGETS_SCHOOLS_MISSING"),
        ({"schools": {SCHOOL: 22, OTHER_SCHOOL: 7}, "total": 29}, "TARGETS_THE_SAME"),
        ({"reason": None}, "REASON_REQUIRED"),
        ({"preview": "seen"}, "COMMAND_INVALID"),
        ({"wave": "spring", "schools": {SCHOOL: 0}, "total": 0}, "TARGETS_NONE"),
    ],
)
def test_a_revision_that_cannot_be(changes, code):
    """It comes after what it changes, names every school, changes something and says why."""
    assert issued(campaign()).refusal("revise_targets", OFFICER, **revision(**changes)).code == code


def test_of_two_revisions_of_one_paper_one_is_approved():
    """Edge 38: the other shows differences that no longer hold."""
    stream = issued(campaign())
    stream.do("revise_targets", OFFICER, **revision("T-2"))
    stream.do("revise_targets", OFFICER, **revision("T-3", schools={SCHOOL: 25, OTHER_SCHOOL: 7}, total=32))
    stream.do("approve_targets", APPROVER, document="T-3")
    assert stream.refusal("approve_targets", APPROVER, document="T-2").code == "TARGETS_BASE_CHANGED"
    assert held(stream, "2026-03-01")[SCHOOL] == 25


# -- spring -------------------------------------------------------------------------------------------------------


def test_spring_is_forbidden_by_default():
    """INV-12 and R-16: no heads in spring, in a paper, at its approval, or in a class."""
    stream = campaign(1)
    only = {"schools": {SCHOOL: 15}, "total": 15, "wave": "spring"}
    assert stream.refusal("issue_targets", OFFICER, **paper(**only)).code == "SPRING_FORBIDDEN"
    nothing = {"schools": {SCHOOL: 0}, "total": 0, "wave": "spring"}
    stream.do("issue_targets", OFFICER, **paper(**nothing))


def test_fifteen_and_seven_are_issued_again_as_none_and_twenty_two():
    """S15: one paper for both waves; the spring classes go with the spring target, without anybody's act."""
    stream = spring()
    for wave, heads in (("spring", 15), ("autumn", 7)):
        stream.do("issue_targets", OFFICER, **paper(schools={SCHOOL: heads}, total=heads, wave=wave))
    stream.do("approve_targets", APPROVER, document="T-1")
    assert stream.last("TargetsApproved")["data"]["waves"] == ["spring", "autumn"]
    for wave, heads in (("spring", 15), ("autumn", 7)):
        given = {"school": SCHOOL, "wave": wave, "document": "T-1", "classes": {"2023-01": heads}}
        stream.do("assign_class_quotas", PRINCIPAL, **given)
    on = date(2026, 6, 4)
    assert quotas_in_force(stream.state.targets, on) == {SCHOOL: {"2023-01": 22}}
    assert quotas_in_force(stream.state.targets, on, wave="spring") == {SCHOOL: {"2023-01": 15}}
    for wave, heads in (("spring", 0), ("autumn", 22)):
        stream.do("revise_targets", OFFICER, **revision(schools={SCHOOL: heads}, total=heads, wave=wave))
    stream.do("approve_targets", APPROVER, document="T-2")
    assert [held(stream, "2026-06-04", wave)[SCHOOL] for wave in ("spring", "autumn", None)] == [0, 22, 22]
    assert quotas_in_force(stream.state.targets, on, wave="spring") == {SCHOOL: {"2023-01": 0}}
    assert to_assign(stream.state.targets) == [SCHOOL]
    stream.do("assign_class_quotas", PRINCIPAL, school=SCHOOL, document="T-2", classes=CLASSES)
    assert quotas_in_force(stream.state.targets, on) == {SCHOOL: {"2023-01": 12, "2023-02": 10}}
    stream.consistent()


# -- classes ------------------------------------------------------------------------------------------------------


def test_a_school_shares_its_number_out():
    """INV-08: the classes sum to the school's number, or both numbers are named; a change has a diff."""
    stream = issued(campaign())
    given = {"school": SCHOOL, "document": "T-1"}
    refusal = stream.refusal("assign_class_quotas", PRINCIPAL, **given, classes={"2023-01": 12})
    assert (refusal.code, refusal.parameters) == ("CLASS_QUOTAS_DO_NOT_ADD_UP", {"sum": 12, "target": 22})
    stream.do("assign_class_quotas", PRINCIPAL, **given, classes=CLASSES)
    assert stream.names()[-1] == "ClassQuotaAssigned"
    assert stream.refusal("assign_class_quotas", PRINCIPAL, **given, classes=CLASSES).code == "CLASS_QUOTAS_THE_SAME"
    stream.to("2025-12-01 09:00")
    stream.do("assign_class_quotas", PRINCIPAL, **given, classes={"2023-01": 22})
    data = stream.last("ClassQuotaReassigned")["data"]
    assert data["changes"] == {"2023-01": {"was": 12, "now": 22}, "2023-02": {"was": 10, "now": 0}}
    quotas = [quotas_in_force(stream.state.targets, date(2025, month, 30))[SCHOOL] for month in (11, 12)]
    assert quotas == [CLASSES, {"2023-01": 22}]
    stream.consistent()


def test_a_revised_number_is_shared_out_again():
    """Until then the classes of before stay, and the board names the school."""
    stream = issued(campaign())
    stream.do("assign_class_quotas", PRINCIPAL, school=SCHOOL, document="T-1", classes=CLASSES)
    stream.do("assign_class_quotas", STRANGER, school=OTHER_SCHOOL, document="T-1", classes={"2023-01": 7})
    assert "targets" not in stream.machine.view()
    revised(stream)
    assert stream.machine.view()["targets"]["to_assign"] == [SCHOOL]
    assert quotas_in_force(stream.state.targets, date(2026, 6, 4))[SCHOOL] == CLASSES
    again = {"school": SCHOOL, "classes": {"2023-01": 10, "2023-02": 10}}
    assert stream.refusal("assign_class_quotas", PRINCIPAL, **again, document="T-1").code == "TARGETS_UNKNOWN"
    stream.do("assign_class_quotas", PRINCIPAL, **again, document="T-2")
    assert quotas_in_force(stream.state.targets, date(2026, 2, 28))[SCHOOL] == CLASSES
    assert quotas_in_force(stream.state.targets, date(2026, 3, 1))[SCHOOL] == {"2023-01": 10, "2023-02": 10}


def test_after_the_counting_cut_off_nobody_shares_out_for_the_count():
    """Who counts is known then: a paper of before the cut-off changes no class's quota of that day any more."""
    stream = issued(campaign())
    stream.do("assign_class_quotas", PRINCIPAL, school=SCHOOL, document="T-1", classes=CLASSES)
    revised(stream)
    again = {"school": SCHOOL, "document": "T-2", "classes": {"2023-01": 4, "2023-02": 16}}
    cutoff = date(2026, 11, 20)
    stream.to("2026-11-21 08:00").do("assign_class_quotas", PRINCIPAL, **again)
    stranger = {"school": OTHER_SCHOOL, "document": "T-2", "classes": {"2023-01": 7}}
    stream.do("assign_class_quotas", STRANGER, **stranger)
    assert stream.last("ClassQuotaReassigned")["data"]["effective"] == "2026-11-21"
    assert stream.last("ClassQuotaAssigned")["data"]["effective"] == "2026-11-21"
    assert quotas_in_force(stream.state.targets, cutoff) == {SCHOOL: CLASSES, OTHER_SCHOOL: {}}
    assert quotas_in_force(stream.state.targets, date(2026, 11, 21))[SCHOOL] == again["classes"]
    assert not_shared(stream.state.targets, cutoff) == [
        (SCHOOL, "autumn", 20, 22),
        (OTHER_SCHOOL, "autumn", 7, 0),
    ]
    assert not_shared(stream.state.targets, date(2026, 11, 21)) == []
    stream.consistent()


def test_on_the_day_of_the_cut_off_a_paper_is_still_shared_out():
    """Pupils are still registered on that day: nobody knows yet who counts."""
    stream = revised(issued(campaign()))
    again = {"school": SCHOOL, "document": "T-2", "classes": {"2023-01": 20}}
    stream.to("2026-11-20 23:59").do("assign_class_quotas", PRINCIPAL, **again)
    assert quotas_in_force(stream.state.targets, date(2026, 3, 1))[SCHOOL] == {"2023-01": 20}


def test_only_the_own_principal_shares_out_and_answers():
    """Another school's is refused and kept in the record; a bureau officer has no such right."""
    stream = issued(campaign())
    given = {"school": SCHOOL, "document": "T-1", "classes": CLASSES}
    assert stream.recorded("assign_class_quotas", STRANGER, **given) == "WRONG_SCHOOL"
    assert stream.refusal("assign_class_quotas", OFFICER, **given).code == "ROLE_NOT_ALLOWED"
    assert stream.recorded("acknowledge_target", STRANGER, school=SCHOOL) == "WRONG_SCHOOL"
    wrong = {**given, "classes": {"2022-01": 22}}
    assert stream.refusal("assign_class_quotas", PRINCIPAL, **wrong).code == "CLASS_QUOTAS_WRONG_YEAR"


def test_a_principal_acknowledges_or_objects():
    """Once each; an objection needs a reason, stands on the board, and stops nothing."""
    stream = campaign()
    assert stream.refusal("acknowledge_target", PRINCIPAL, school=SCHOOL).code == "TARGETS_UNKNOWN"
    issued(stream)
    stream.do("acknowledge_target", PRINCIPAL, school=SCHOOL)
    assert stream.refusal("acknowledge_target", PRINCIPAL, school=SCHOOL).code == "TARGETS_ANSWERED"
    assert stream.refusal("object_to_target", PRINCIPAL, school=SCHOOL).code == "REASON_REQUIRED"
    stream.do("object_to_target", PRINCIPAL, school=SCHOOL, reason="ABOVE_POOL")
    assert stream.machine.view()["targets"]["objections"] == 1
    assert held(stream, "2026-06-04")[SCHOOL] == 22


# -- the draft, and older campaigns ---------------------------------------------------------------------------------

QUOTAS = {SCHOOL: CLASSES}


def test_the_drafts_quotas_are_the_first_issue():
    """They hold from the draft, under the file's own name where it names no paper."""
    stream = campaign(quotas=QUOTAS)
    assert quotas_in_force(stream.state.targets, date(2025, 10, 20)) == QUOTAS
    assert quotas_in_force(stream.state.targets, date(2025, 10, 19)) == {}
    assert stream.state.targets.papers[0].document == "campaign.toml"
    named = campaign(quotas=QUOTAS, targets={"document": "县教发〔2025〕12号", "effective": "2025-09-01"})
    assert quotas_in_force(named.state.targets, date(2025, 9, 1)) == QUOTAS
    revised(named, schools={SCHOOL: 20}, total=20)
    assert named.last("TargetRevised")["data"]["base"] == "县教发〔2025〕12号"


def test_an_older_campaign_has_its_drafts_quotas_and_takes_no_paper():
    """Its stream goes on as it was; the same question has the same answer from its events."""
    stream = campaign(release=2, quotas=QUOTAS)
    assert stream.refusal("issue_targets", OFFICER, **paper()).code == "CAMPAIGN_TOO_OLD"
    assert stream.state.targets == Targets()
    assert quotas_in_force(targets_from(stream.ledger), date(2026, 6, 4)) == QUOTAS


def test_a_draft_and_a_stopped_campaign_take_no_paper():
    """Approval comes first; what is stopped moves no more."""
    assert campaign(approved=False).refusal("issue_targets", OFFICER, **paper()).code == "CAMPAIGN_NOT_APPROVED"
    stream = issued(campaign())
    stream.do("stop", OFFICER, reason="ORDER")
    assert stream.refusal("revise_targets", OFFICER, **revision()).code == "CAMPAIGN_STOPPED"


def test_a_flag_is_proposed_once_and_only_by_those_who_look_after_fairness():
    """DESIGN §10: an auditor or a discipline officer; the bureau's own officers do not."""
    stream = issued(campaign())
    given = {"school": SCHOOL, "flag": "QUOTA_ABOVE_POOL", "figure": "22", "limit": "20"}
    assert stream.refusal("flag_pressure", OFFICER, **given).code == "ROLE_NOT_ALLOWED"
    assert stream.refusal("flag_pressure", PRINCIPAL, **given).code == "ROLE_NOT_ALLOWED"
    stream.do("flag_pressure", AUDITOR, **given)
    assert stream.refusal("flag_pressure", DISCIPLINE, **given).code == "PRESSURE_FLAGGED"
    stream.do("flag_pressure", DISCIPLINE, **given, class_id="2023-01")
    stream.consistent()


# -- whatever is tried ----------------------------------------------------------------------------------------------

HEADS = st.integers(min_value=0, max_value=12)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["issue", "revise", "approve", "reject", "assign"]),
        st.sampled_from(["T-1", "T-2", "T-3"]),
        HEADS,
        HEADS,
        st.booleans(),
        st.sampled_from(["2025-10-01", "2025-11-01", "2026-03-01"]),
    ),
    max_size=25,
)


def attempt(stream: Stream, kind: str, who, **fields) -> None:
    """Try something; a refusal is an answer."""
    raw = stream.command(kind, who, **fields)
    try:
        stream.machine.submit(raw, stream.now)
    except Exception as refusal:
        if type(refusal).__name__ != "Refusal":
            raise
    stream.flush()


@settings(max_examples=60, deadline=None)
@given(acts=ACTS)
def test_sums_hold_after_any_course(acts):
    """INV-08 as a property: whatever is tried in whatever order, every approved paper and every sharing-out adds up."""
    stream = campaign()
    for kind, document, one, two, slip, effective in acts:
        whole = {"schools": {SCHOOL: one, OTHER_SCHOOL: two}, "total": one + two + slip, "effective": effective}
        classes = {"2023-01": one, "2023-02": two}
        match kind:
            case "issue":
                attempt(stream, "issue_targets", OFFICER, **paper(document, **whole))
            case "revise":
                attempt(stream, "revise_targets", OFFICER, **revision(document, **whole))
            case "approve":
                attempt(stream, "approve_targets", APPROVER, document=document)
            case "reject":
                attempt(stream, "reject_targets", APPROVER, document=document, reason="NO")
            case _:
                attempt(stream, "assign_class_quotas", PRINCIPAL, school=SCHOOL, document=document, classes=classes)
    stream.consistent()
    targets = stream.state.targets
    totals = {paper.document: paper for paper in targets.papers}
    assert len(totals) == len(targets.papers)
    assert all(sum(paper.schools.values()) == paper.total for paper in targets.papers)
    assert all(sum(held.classes.values()) == totals[held.document].schools[SCHOOL] for held in targets.assignments)
    assert targets_from(stream.ledger) == targets
