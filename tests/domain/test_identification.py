from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import (
    AUDITOR,
    CAMPAIGN,
    DIGEST,
    GRADE,
    HEAD,
    OFFICER,
    PRINCIPAL,
    RULE,
    SCHOOL,
    A,
    B,
    C,
    County,
    D,
    E,
    F,
    decide_all,
    finish_identification,
    identification,
    person,
    policy,
    proposal,
    proposals,
    running_county,
    stage,
)

from domain.actors import Role
from domain.events import digest

STUDENTS = [A, B, C, D, E, F]


def outcome(stream, student):
    """Return the help that was decided for a pupil."""
    return stream.state.pupils[student].decided


# -- proposals --------------------------------------------------------------------------------------------------


def test_an_open_stage_asks_for_the_rules_proposals_once():
    """The job names the immutable snapshot, its digest and the rule; before opening and once answered there is none."""
    stream = stage("identification")
    assert stream.machine.job() is None
    stream.to("2025-11-03 08:00")
    job = stream.machine.job()
    assert job.arguments == {"snapshot": "snp_000001", "digest": DIGEST, "rule": RULE}
    stream.give("proposals", proposals(proposal(A)))
    assert stream.machine.job() is None


@pytest.mark.parametrize("kind", ["confirm", "exclude", "contest", "resolve_contest", "freeze"])
def test_nothing_is_decided_before_the_proposals_are_there(kind):
    """PROPOSAL_MISSING, and completing says that they are pending."""
    stream = stage("identification").to("2025-11-03 08:00")
    fields = {
        "confirm": {"students": [A]},
        "exclude": {"students": [A], "reason": "SEEN"},
        "contest": {"student": A, "raised_by": "PUPIL", "reason": "WRONG"},
        "resolve_contest": {"student": A, "help": [], "reason": "SEEN"},
        "freeze": {},
    }[kind]
    assert stream.refusal(kind, PRINCIPAL, **fields).code == "PROPOSAL_MISSING"
    assert [b.code for b in stream.refusal("complete", PRINCIPAL).blockers] == ["PROPOSALS_PENDING"]


@given(st.permutations(STUDENTS))
@settings(deadline=None, max_examples=15)
def test_proposals_are_taken_in_in_the_order_of_references(order):
    """Whatever order the registry answers in, the record is the same: the order of a list says nothing of a child."""
    stream = stage("identification").to("2025-11-03 08:00")
    stream.give("proposals", proposals(*(proposal(student) for student in order)))
    written = [e["data"]["student"] for e in stream.ledger if e["type"] == "HelpProposed"]
    assert written == sorted(STUDENTS)
    assert stream.names()[-1] == "ProposalsMade"
    made = stream.last("ProposalsMade")["data"]
    assert (made["pupils"], made["snapshot"], made["rule_version"]) == (6, "snp_000001", 1)


def test_a_pupil_of_another_school_is_not_taken_in():
    """Only the cohort's pupils have a case here; one whom the rule did not see goes to a person (fails closed)."""
    stream = stage("identification").to("2025-11-03 08:00")
    stream.give("proposals", proposals(proposal("stu_999999", "HELP", "STUDY"), proposal(A)))
    cohort = sorted(student for students in stream.state.classes.values() for student in students)
    assert list(stream.state.pupils) == cohort
    assert stream.state.pupils[A].code != "DATA_UNKNOWN"
    assert {stream.state.pupils[student].code for student in cohort if student != A} == {"DATA_UNKNOWN"}


def test_an_event_holds_no_value_of_a_pupil():
    """A proposal has a reference, codes, thresholds and a salted commitment: exactly these keys (design, section 8)."""
    stream = identification()
    assert stream.last("HelpProposed")["data"].keys() == {"student", "code", "help", "reasons", "commitment"}


# -- decisions --------------------------------------------------------------------------------------------------


def test_confirming_takes_the_proposal_as_it_is():
    """Help where it was proposed, none where no need was seen; who decided stands in the envelope."""
    stream = identification()
    stream.do("confirm", HEAD, students=[A, B])
    assert (outcome(stream, A), outcome(stream, B)) == (["STUDY"], [])
    confirmed = [e for e in stream.ledger if e["type"] == "HelpConfirmed"]
    assert [e["data"]["as_proposed"] for e in confirmed] == [True, True]
    assert {e["actor"]["id"] for e in confirmed} == {"stf_head"}
    stream.consistent()


@pytest.mark.parametrize(("help_", "as_proposed"), [(["STUDY"], True), ([], False), (["ATTENDANCE", "STUDY"], False)])
def test_deciding_otherwise_needs_a_reason_and_is_seen(help_, as_proposed):
    """Explicit help is the person's own decision, even if it is what was proposed."""
    stream = identification()
    assert stream.refusal("confirm", HEAD, students=[A], help=help_).code == "REASON_REQUIRED"
    stream.do("confirm", HEAD, students=[A], help=help_, reason="SEEN")
    assert stream.last("HelpConfirmed")["data"] == {
        "student": A,
        "help": help_,
        "as_proposed": as_proposed,
        "reason": "SEEN",
    }
    assert outcome(stream, A) == help_


def test_what_is_unknown_is_decided_by_a_person_and_never_taken_as_no_need():
    """A list with one such pupil is refused whole; explicit help with a reason decides, also none."""
    stream = identification()
    refusal = stream.refusal("confirm", HEAD, students=[A, C, B])
    assert (refusal.code, refusal.parameters) == ("DATA_UNKNOWN_NEEDS_HELP", {"count": 1})
    assert stream.refusal("confirm", HEAD, students=[C], reason="SEEN").code == "DATA_UNKNOWN_NEEDS_HELP"
    assert stream.refusal("confirm", HEAD, students=[C], help=[]).code == "REASON_REQUIRED"
    assert outcome(stream, A) is None
    stream.do("confirm", HEAD, students=[C], help=["INFORMATION"], reason="SEEN")
    assert outcome(stream, C) == ["INFORMATION"]


def test_excluding_needs_a_reason():
    """No help, by a person, with a reason."""
    stream = identification()
    assert stream.refusal("exclude", HEAD, students=[A]).code == "REASON_REQUIRED"
    stream.do("exclude", HEAD, students=[A, C], reason="SEEN")
    assert (outcome(stream, A), outcome(stream, C)) == ([], [])


@pytest.mark.parametrize("kind", ["confirm", "exclude"])
@pytest.mark.parametrize(
    ("students", "rows"),
    [
        ([B, "stu_999999"], [(1, "STUDENT_UNKNOWN")]),
        ([B, D, B], [(2, "STUDENT_TWICE")]),
        ([A, B], [(0, "ALREADY_DECIDED")]),
        (
            ["stu_999999", A, B, A, B],
            [(0, "STUDENT_UNKNOWN"), (1, "ALREADY_DECIDED"), (3, "STUDENT_TWICE"), (4, "STUDENT_TWICE")],
        ),
    ],
)
def test_a_list_is_decided_whole_or_not_at_all(kind, students, rows):
    """One bad line, and nobody on it is decided; every bad line is named by its position."""
    stream = identification()
    stream.do("confirm", HEAD, students=[A])
    refusal = stream.refusal(kind, HEAD, students=students, reason="SEEN")
    assert refusal.code == "ROWS_REFUSED"
    assert refusal.parameters["rows"] == [{"row": row, "code": code} for row, code in rows]
    assert outcome(stream, B) is None


@pytest.mark.parametrize("kind", ["confirm", "exclude"])
@pytest.mark.parametrize("students", [[], [B, "例云山"]])
def test_a_list_of_nobody_or_of_names_is_no_command(kind, students):
    """Nobody is decided by it."""
    stream = identification()
    assert stream.refusal(kind, HEAD, students=students, reason="SEEN").code == "COMMAND_INVALID"
    assert outcome(stream, B) is None


# -- contests ---------------------------------------------------------------------------------------------------


def contested(**changes):
    """Return an identification in which a guardian contests what the class head decided."""
    stream = identification(**changes)
    stream.do("confirm", HEAD, students=[A])
    stream.do("contest", HEAD, student=A, raised_by="GUARDIAN", reason="WRONG_MARK")
    return stream


def test_a_contest_blocks_the_freeze_until_it_is_resolved():
    """By another person than the one who decided, with a reason."""
    stream = contested()
    stream.do("confirm", HEAD, students=[B, D, E, F])
    stream.do("exclude", HEAD, students=[C], reason="SEEN")
    assert [(b.code, b.count) for b in stream.refusal("freeze", PRINCIPAL).blockers] == [("CONTESTS_OPEN", 1)]
    assert stream.refusal("contest", HEAD, student=A, raised_by="PUPIL", reason="AGAIN").code == "CONTEST_OPEN"
    assert stream.refusal("resolve_contest", PRINCIPAL, student=A, help=[]).code == "REASON_REQUIRED"
    stream.do("resolve_contest", PRINCIPAL, student=A, help=["INFORMATION"], reason="LOOKED_AGAIN")
    assert outcome(stream, A) == ["INFORMATION"]
    stream.do("freeze", PRINCIPAL)
    stream.consistent()


SAME = [
    ("in another role", {}, person("head", Role.PRINCIPAL)),
    ("somebody for the one who decided", {}, person("x", Role.PRINCIPAL, on_behalf_of="stf_head")),
    ("the one who decided for somebody", {}, person("head", Role.GRADE_LEADER, on_behalf_of="stf_x")),
    ("the one for whom it was decided", {"on_behalf_of": "stf_principal"}, PRINCIPAL),
]


@pytest.mark.parametrize(("decider", "who"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_nobody_resolves_a_contest_about_their_own_decision(decider, who):
    """Four eyes on any path; refused and kept (INV-21)."""
    stream = identification()
    stream.do("confirm", HEAD.model_copy(update=decider), students=[A])
    stream.do("contest", AUDITOR, student=A, raised_by="GUARDIAN", reason="WRONG_MARK")
    code = stream.recorded("resolve_contest", who, student=A, help=[], reason="SEEN")
    assert code == "SELF_APPROVAL"
    assert stream.state.pupils[A].contested
    stream.do("resolve_contest", OFFICER, student=A, help=[], reason="SEEN")


def test_who_resolved_is_now_the_one_who_decided():
    """A second contest needs yet another pair of eyes."""
    stream = contested()
    stream.do("resolve_contest", PRINCIPAL, student=A, help=[], reason="SEEN")
    stream.do("contest", AUDITOR, student=A, raised_by="GUARDIAN", reason="WRONG_MARK")
    assert stream.recorded("resolve_contest", PRINCIPAL, student=A, help=[], reason="SEEN") == "SELF_APPROVAL"
    stream.do("resolve_contest", GRADE, student=A, help=["STUDY"], reason="SEEN")


def test_a_proposal_can_be_contested_before_anybody_decided():
    """Then anybody with the role may look again."""
    stream = identification()
    stream.do("contest", HEAD, student=A, raised_by="PUPIL", reason="WRONG_MARK")
    stream.do("resolve_contest", PRINCIPAL, student=A, help=[], reason="SEEN")
    refusal = stream.refusal("confirm", HEAD, students=[A])
    assert refusal.parameters["rows"] == [{"row": 0, "code": "ALREADY_DECIDED"}]


@pytest.mark.parametrize("hold", [("pause", {"scope": "campaign", "reason": "FLOOD"}), ("stop", {"reason": "ORDER"})])
def test_a_contest_is_taken_during_a_pause_and_after_a_stop(hold):
    """It is a right, not progress; deciding it waits."""
    kind, data = hold
    stream = identification()
    stream.hear(kind, **data)
    stream.do("contest", OFFICER, student=A, raised_by="GUARDIAN", reason="WRONG_MARK")
    assert stream.state.pupils[A].contested
    refusal = stream.refusal("resolve_contest", PRINCIPAL, student=A, help=[], reason="SEEN")
    assert refusal.code == ("STAGE_PAUSED" if kind == "pause" else "CAMPAIGN_STOPPED")


def test_only_what_is_contested_is_resolved():
    """CONTEST_NOT_OPEN; and a pupil of nobody's list is unknown."""
    stream = identification()
    assert stream.refusal("resolve_contest", PRINCIPAL, student=A, help=[], reason="SEEN").code == "CONTEST_NOT_OPEN"
    unknown = {"student": "stu_999999", "reason": "SEEN"}
    assert stream.refusal("resolve_contest", PRINCIPAL, help=[], **unknown).code == "STUDENT_UNKNOWN"
    assert stream.refusal("contest", PRINCIPAL, raised_by="STAFF", **unknown).code == "STUDENT_UNKNOWN"


# -- freeze -----------------------------------------------------------------------------------------------------


def test_the_freeze_fixes_decisions_and_inputs():
    """Counts, the day of expiry in the graduation year, and a digest of decisions, snapshot and rule (B7)."""
    stream = identification()
    decide_all(stream)
    stream.do("freeze", PRINCIPAL)
    decided = {student: ["STUDY"] if student == A else [] for student in STUDENTS}
    assert stream.last("CohortFrozen")["data"] == {
        "pupils": 6,
        "with_help": 1,
        "digest": digest({"decided": decided, "snapshot": DIGEST, "rule": RULE}),
        "expires_on": "2026-06-30",
    }


def test_a_frozen_cohort_takes_no_decision():
    """Neither confirm nor exclude, nor a second freeze."""
    stream = identification()
    decide_all(stream)
    stream.do("freeze", PRINCIPAL)
    for kind, fields in (
        ("confirm", {"students": [A]}),
        ("exclude", {"students": [A], "reason": "SEEN"}),
        ("freeze", {}),
    ):
        assert stream.refusal(kind, PRINCIPAL, **fields).code == "COHORT_FROZEN"


def test_a_frozen_cohort_can_be_contested():
    """The freeze protects the record, not the mistake; completing waits for the answer."""
    stream = identification()
    decide_all(stream)
    stream.do("freeze", PRINCIPAL)
    stream.do("contest", AUDITOR, student=A, raised_by="GUARDIAN", reason="WRONG_MARK")
    assert [b.code for b in stream.refusal("complete", PRINCIPAL).blockers] == ["CONTESTS_OPEN"]
    before = stream.last("CohortFrozen")["data"]
    stream.do("resolve_contest", PRINCIPAL, student=A, help=[], reason="SEEN")
    after = stream.last("CohortFrozen")["data"]
    assert (before["with_help"], after["with_help"]) == (1, 0)
    assert after["digest"] == stream.state.frozen != before["digest"]
    stream.do("complete", PRINCIPAL)


def test_a_result_can_be_contested_after_the_sign_off():
    """It holds until graduation, so the right to contest it does; the answer is frozen anew, the sign-off stays."""
    stream = identification()
    decide_all(stream)
    stream.do("freeze", PRINCIPAL)
    stream.do("complete", PRINCIPAL)
    stream.do("contest", AUDITOR, student=A, raised_by="GUARDIAN", reason="WRONG_MARK")
    assert [todo.code for todo in stream.decider.work(stream.state)] == ["CONTESTS_OPEN"]
    stream.do("resolve_contest", PRINCIPAL, student=A, help=[], reason="SEEN")
    assert stream.state.status == "completed"
    assert stream.last("CohortFrozen")["data"]["with_help"] == 0
    stream.consistent()


def test_a_freeze_with_undecided_pupils_says_how_many():
    """Not itself among what is missing."""
    refusal = identification().refusal("freeze", PRINCIPAL)
    assert refusal.code == "NOT_COMPLETE"
    assert [(b.code, b.count) for b in refusal.blockers] == [("PROPOSALS_UNDECIDED", 5), ("DATA_UNKNOWN", 1)]


def test_the_boards_line_counts_decided_pupils_by_class():
    """How many of how many, no name and no kind of help."""
    stream = identification()
    stream.do("confirm", HEAD, students=[A, D, E])
    assert stream.machine.view()["classes"] == {"2026-01": {"done": 1, "of": 3}, "2026-02": {"done": 2, "of": 3}}
    assert "STUDY" not in str(stream.machine.view())


# -- priority is help, not a target (design, section 10; DOMAIN X4) ---------------------------------------------

KINDS_OF_HELP = ["STUDY", "ATTENDANCE", "INFORMATION"]
ONE = st.lists(st.sampled_from(KINDS_OF_HELP), unique=True, max_size=3)
HELP_EVENTS = {"HelpProposed", "HelpConfirmed", "HelpExcluded", "ContestResolved", "CohortFrozen"}


def year(proposed, decided) -> County:
    """Play a school's autumn in which the pupils are proposed and decided so."""
    county = running_county()
    county.proposals = proposals(
        *(
            proposal(student, "HELP" if help_ else "NO_NEED", *help_)
            for student, help_ in zip(STUDENTS, proposed, strict=True)
        )
    )
    county.to("2025-11-20 09:00")
    name = f"{SCHOOL}/identification"
    for student, help_ in zip(STUDENTS, decided, strict=True):
        fields = {} if help_ is None else {"help": help_, "reason": "SEEN"}
        county.do(name, "confirm", HEAD, students=[student], **fields)
    county.to("2025-12-10 09:00")
    county.do(name, "contest", AUDITOR, student=A, raised_by="GUARDIAN", reason="WRONG_MARK")
    county.do(name, "resolve_contest", PRINCIPAL, student=A, help=list(decided[1] or []), reason="SEEN")
    county.do(name, "freeze", PRINCIPAL)
    county.do(name, "complete", PRINCIPAL)
    county.to("2026-02-28 08:00")
    return county


def all_but_help(county):
    """Return every stream's events, and what left, without the facts of help and the hashes that chain over them."""
    events = {}
    for name, stream in county.streams.items():
        envelopes = copy.deepcopy(stream.ledger)
        if name.endswith("/identification"):
            for envelope in envelopes:
                envelope.pop("hash")
                envelope.pop("prev_hash")
                if envelope["type"] in HELP_EVENTS:
                    kept = {
                        key: envelope["data"][key]
                        for key in ("student", "pupils", "expires_on")
                        if key in envelope["data"]
                    }
                    envelope["data"] = kept
        events[name] = envelopes
    sent = [(sender, item.model_dump(mode="json")) for sender, item in county.sent]
    for sender, item in sent:
        if sender.endswith("/identification"):
            item["message"].pop("hash")
    return events, sent, {name: stream.machine.due() for name, stream in county.streams.items()}


@given(st.tuples(*[ONE] * 6), st.tuples(*[st.none() | ONE] * 6), st.integers(0, 5), ONE, st.none() | ONE)
@settings(deadline=None, max_examples=15)
def test_flipping_a_pupils_help_changes_nothing_but_help(proposed, decided, which, other, otherwise):
    """Metamorphic: other help for one pupil, and every other event, message, date and stream is the same to the bit."""
    flipped, decided_otherwise = list(proposed), list(decided)
    flipped[which], decided_otherwise[which] = other, otherwise
    assert all_but_help(year(proposed, decided)) == all_but_help(year(flipped, decided_otherwise))


def test_the_metamorphic_test_can_fail():
    """A difference outside the facts of help is seen: another pupil contested."""
    nobody = [[]] * 6
    one, other = year(nobody, nobody), year(nobody, nobody)
    other.do(f"{SCHOOL}/parent-meetings", "skip", OFFICER, reason="MERGED")
    assert all_but_help(one) != all_but_help(other)


@pytest.mark.parametrize("help_", [[], ["STUDY"], KINDS_OF_HELP])
def test_completing_never_depends_on_which_help(help_):
    """All, some or none: the stage is done when every pupil is decided."""
    stream = identification()
    stream.do("confirm", HEAD, students=STUDENTS, help=help_, reason="SEEN")
    stream.do("freeze", PRINCIPAL)
    assert stream.decider.blockers(stream.state) == ()
    stream.do("complete", PRINCIPAL)
    assert stream.last("CohortFrozen")["data"]["with_help"] == (6 if help_ else 0)


def test_no_help_leaves_the_stage():
    """What the stage sends says which stage and status, and nothing of a pupil."""
    stream = identification()
    finish_identification(stream)
    (leaving,) = stream.machine.carry.outgoing
    assert leaving.to == f"{CAMPAIGN}/{SCHOOL}"
    assert leaving.message.data == {"stage": "identification", "status": "completed"}


def test_the_expiry_is_the_policys():
    """Another month and day, in the graduation year."""
    stream = identification(policy=policy(result_expires_month_day="07-15").model_dump(mode="json"))
    decide_all(stream)
    stream.do("freeze", PRINCIPAL)
    assert stream.last("CohortFrozen")["data"]["expires_on"] == "2026-07-15"


# -- late joiners -----------------------------------------------------------------------------------------------

NEW = "stu_newcomer01"


def frozen_without_joiner():
    """Return a frozen identification that a late joiner waits in, without a decision."""
    stream = identification()
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-11-04")
    decide_all(stream)
    stream.do("freeze", GRADE)
    return stream


def test_a_late_joiner_holds_up_neither_the_freeze_nor_the_sign_off():
    """The joiner waits for a person on the work list, and is not on the list yet."""
    stream = frozen_without_joiner()
    assert stream.last("CohortFrozen")["data"]["pupils"] == 6
    stream.do("complete", GRADE)
    work = [(todo.student, todo.code) for todo in stream.decider.work(stream.state)]
    assert work == [(NEW, "DATA_UNKNOWN")]
    stream.consistent()


def test_a_late_joiner_is_decided_after_the_freeze_and_the_sign_off():
    """The decision amends the list, which is frozen anew; nobody else's is touched."""
    stream = frozen_without_joiner()
    before = stream.state.frozen
    stream.do("complete", GRADE)
    assert stream.refusal("confirm", HEAD, students=[NEW]).code == "DATA_UNKNOWN_NEEDS_HELP"
    fields = {"help": ["STUDY"], "reason": "SEEN"}
    assert stream.refusal("confirm", HEAD, students=[NEW, A], **fields).code == "STAGE_NOT_OPEN"
    stream.do("confirm", HEAD, students=[NEW], **fields)
    assert stream.last("CohortFrozen")["data"]["pupils"] == 7
    assert stream.state.frozen != before
    assert (outcome(stream, NEW), stream.decider.work(stream.state)) == (["STUDY"], [])
    again = stream.refusal("exclude", HEAD, students=[NEW], reason="SEEN")
    assert [problem["code"] for problem in again.parameters["rows"]] == ["ALREADY_DECIDED"]
    stream.do("reopen", PRINCIPAL, reason="SEEN")
    assert stream.refusal("exclude", HEAD, students=[NEW, A], reason="SEEN").code == "COHORT_FROZEN"
    stream.consistent()


def test_an_undecided_joiner_who_leaves_a_frozen_list_leaves_nothing_behind():
    """Neither a case without a decision nor something to wait for."""
    stream = frozen_without_joiner()
    stream.hear("student_left", student=NEW, exit="transfer")
    assert NEW not in stream.state.pupils
    assert stream.decider.blockers(stream.state) == ()
    stream.do("complete", GRADE)
    stream.consistent()
