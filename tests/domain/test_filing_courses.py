"""What holds in every course of application filing, whoever does what and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from filing_families import (
    NOTICE,
    OTHER_RECEIVER,
    OTHER_RECEIVING,
    RECEIVER,
    RECEIVING,
    REGISTER,
    SECOND_REGISTER,
    UNLISTED,
    Families,
    Filing,
    contact,
    filing,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_courses import play
from stream_samples import EVERYBODY, HEAD, OFFICER, A, B, C, when

from domain.actors import GATEWAY, PERMISSIONS, Role
from domain.application_filing import SERVICE
from domain.application_filing_events import FILING_EVENTS
from domain.destination import Step
from domain.filing_consent_events import CONSENT_EVENTS
from domain.sentences import CATALOGUE
from domain.sentences_filing import BLOCKERS, REFUSALS, WORDS
from domain.sentences_gateway import REFUSALS as OF_THE_GATEWAY
from domain.sentences_register import REFUSALS as OF_THE_REGISTER
from domain.sentences_visits import REFUSALS as OF_THE_VISITS
from domain.time import stamp

FAMILIES = Families()
FORGER = Families(b"\x02" * 32)
GENUINE = "act_true"
"""How the ids of genuine acts begin, where forged ones travel with them."""
GENUINE_EVENTS = {"NoticeAcknowledged", "ConsentRefused", "ConsentWithdrawn", "ConsentObjected"}
"""What such an act can lead to: a no of somebody who turns out to have no custody is an objection."""
THIRD = REGISTER.model_copy(update={"id": "stf_third"})
CALLER = OFFICER.model_copy(update={"id": "stf_caller"})
PEOPLE = (*EVERYBODY, REGISTER, SECOND_REGISTER, RECEIVER, OTHER_RECEIVER, GATEWAY)
STUDENTS = st.sampled_from([A] * 8 + [B] * 4 + [C, "stu_999999"])
SCHOOLS = st.sampled_from([RECEIVING] * 8 + [OTHER_RECEIVING, UNLISTED])
DOCUMENTS = st.sampled_from([NOTICE] * 12 + ["notice-2"])
REFERENCES = st.integers(1, 30).map(lambda number: f"R-{number:02d}") | st.just("G110101200901011234")
DAYS = st.sampled_from(["2026-05-12", "2026-06-01", "2026-09-01", "2026-10-01", "2026-11-20", "2026-11-21"])
INSTANTS = st.integers(0, 48).map(lambda hours: when("2026-05-11 08:00") + timedelta(hours=hours))
KINDS = st.sampled_from(["GENERAL_HIGH", "GENERAL_HIGH", "WORK", "UNKNOWN", "VOCATIONAL"])
GRADES = st.sampled_from(["REGISTER", "DOCUMENT", "SEEN", "CALL", "HEARSAY"])
INTENTS = st.sampled_from(["VOCATIONAL"] * 4 + ["GENERAL_HIGH", "UNDECIDED"])
PURPOSES = st.sampled_from(["withdrawal_report", "withdrawal_report", "sample", "short_cooling", "paper"])
OUTCOMES = st.sampled_from(["confirmed", "wants_to_withdraw", "denies", "unreachable"])
PERSONS = st.sampled_from([A.replace("stu_", "gdn_"), "gdn_other00001"])
STANDINGS = st.sampled_from(["GUARDIAN", "CAREGIVER", "NO_CUSTODY", "INSTITUTION"])
SUSPENSIONS = st.sampled_from(["CUSTODY_DISPUTE", "COURT_ORDER", "TOO_SLOW"])
FAMILY_EVENTS = {
    "IntentStated",
    "NoticeAcknowledged",
    "ConsentSigned",
    "ConsentRefused",
    "ConsentWithdrawn",
    "RegistrationCancelled",
    "DataConsentGiven",
    "ConsentKept",
    "ConsentObjected",
}


def rows(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return commands with one or two rows of such fields."""
    row = st.fixed_dictionaries({"student": STUDENTS, **fields})
    return st.fixed_dictionaries(
        {"rows": st.lists(row, min_size=1, max_size=1) | st.lists(row, max_size=2, min_size=1)}
    )


STAFF: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "offer_notice": st.fixed_dictionaries(
        {"document": DOCUMENTS, "students": st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=3)}
    ),
    "record_contacts": rows(
        contact=st.sampled_from(["call", "home_visit"]),
        outcome=st.sampled_from(["no_answer", "no_answer", "reached", "refused", "call_back"]),
        at=INSTANTS.map(stamp),
    ),
    "record_applications": rows(school=SCHOOLS, reference=REFERENCES),
    "record_admissions": rows(school=SCHOOLS, result=st.sampled_from(["admitted", "admitted", "not_admitted"])),
    "record_reporting": rows(school=SCHOOLS, on=DAYS),
    "record_registrations": rows(school=SCHOOLS, register_ref=REFERENCES, on=DAYS),
    "record_destinations": rows(destination=KINDS, evidence=GRADES),
    "resolve_destination": st.fixed_dictionaries(
        {"student": STUDENTS, "destination": KINDS, "evidence": GRADES, "reason": st.sampled_from(["SEEN", None])}
    ),
    "correct": st.fixed_dictionaries(
        {
            "version": st.integers(1, 40),
            "values": st.sampled_from(
                [{"reference": "R-9"}, {"on": "2026-09-02"}, {"register_ref": "R-8"}, {"destination": "RESIT"}]
            ),
            "reason": st.just("TYPED_WRONG"),
        }
    ),
    "complete": st.just({}),
    "reopen": st.just({"reason": "SEEN"}),
    "skip": st.just({"reason": "SEEN"}),
    "state_intent": st.fixed_dictionaries({"student": STUDENTS}),
    "sign_consent": st.fixed_dictionaries({"student": STUDENTS}),
    "withdraw_consent": st.fixed_dictionaries({"student": STUDENTS}),
    "report_family_code": st.just({"student": A, "party": "pupil", "code": "CODE_WRONG"}),
    "report_withdrawal": st.fixed_dictionaries(
        {"student": STUDENTS, "channel": st.sampled_from(["call", "in_person"])}
    ),
    "record_callbacks": rows(purpose=PURPOSES, outcome=OUTCOMES, at=INSTANTS.map(stamp)),
    "record_guardianship": st.fixed_dictionaries(
        {"student": STUDENTS, "person": PERSONS, "standing": STANDINGS, "evidence": GRADES}
    ),
    "suspend_consent": st.fixed_dictionaries({"student": STUDENTS, "reason": SUSPENSIONS}),
    "lift_suspension": st.fixed_dictionaries({"student": STUDENTS, "reason": st.just("SETTLED"), "evidence": GRADES}),
    "restrict_record": st.fixed_dictionaries({"student": STUDENTS, "reason": st.just("COURT_ORDER")}),
    "release_record": st.fixed_dictionaries({"student": STUDENTS, "reason": st.just("OVER")}),
}
NEWS = [
    ("pause", {"scope": "school", "reason": "SNOW"}),
    ("resume", {"scope": "school"}),
    ("resume", {"scope": "school"}),
    ("student_left", {"student": B, "exit": "TRANSFER"}),
    ("student_joined", {"student": B, "class_id": "2026-01", "on": "2026-05-20"}),
    ("student_joined", {"student": "stu_000007", "class_id": "2026-01", "on": "2026-06-20"}),
    ("hold", {"hold": "h-1", "scope": "class", "class_id": "2026-01", "student": None, "placed": True}),
    ("hold", {"hold": "h-1", "scope": "class", "class_id": "2026-01", "student": None, "placed": False}),
    ("invalidate", {"students": [A], "case": "case-1", "reason": "PRESSURE"}),
    ("reinstate", {"students": [A], "case": "case-1"}),
    ("school_removed", {"school": OTHER_RECEIVING, "on": "2026-06-01", "reason": "LICENCE_LOST"}),
]


@st.composite
def acts(draw: st.DrawFn, *, genuine: bool) -> dict[str, Any]:
    """Draw a family's act: signed by the gateway, or forged in one of the ways there are."""
    likely = ["intent", "acknowledge", "acknowledge", "sign", "sign", "sign"]
    kind = draw(st.sampled_from([*likely, "refuse", "withdraw", "keep", "consent_data"]))
    party = draw(st.sampled_from(["pupil", "guardian"]))
    said: dict[str, Any] = {
        "act_id": f"act_{draw(st.integers(0, 10**10 - 1)):010d}",
        "document": draw(DOCUMENTS),
        "intent": draw(INTENTS) if kind == "intent" else None,
        "destination": draw(SCHOOLS) if kind == "sign" else None,
    }
    if party == "guardian" and draw(st.integers(0, 5)) == 0:
        said["person"] = "gdn_other00001"
    student, at = draw(STUDENTS), draw(INSTANTS)
    if genuine:
        return FAMILIES.act(student, party, kind, at, **said)
    match draw(st.sampled_from(["random", "other key", "altered"])):
        case "random":
            signature = draw(st.binary(min_size=64, max_size=64)).hex()
            return FAMILIES.act(student, party, kind, at, signature=signature, **said)
        case "other key":
            key_id = draw(st.sampled_from([FAMILIES.key_id, FORGER.key_id]))
            return FORGER.act(student, party, kind, at, key_id=key_id, **said)
        case _:
            act = FAMILIES.act(student, party, kind, at, **said)
            return {**act, "at": stamp(at + timedelta(minutes=draw(st.integers(1, 9))))}


@st.composite
def mixed(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw a batch in which forged acts stand beside a genuine one, of the same pupil or of others, in any order."""
    genuine = FAMILIES.act(
        draw(STUDENTS),
        "guardian",
        draw(st.sampled_from(["acknowledge", "refuse", "withdraw"])),
        when("2026-05-12 08:00"),
        act_id=f"{GENUINE}{draw(st.integers(0, 10**10 - 1)):010d}",
    )
    return draw(st.permutations([genuine, *draw(st.lists(acts(genuine=False), min_size=1, max_size=4))]))


@st.composite
def consents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw the acts of a family that wants a vocational school."""
    student = draw(st.sampled_from([A, B]))
    numbers = iter(draw(st.lists(st.integers(0, 10**10 - 1), min_size=4, max_size=4, unique=True)))
    at = when("2026-05-13 08:00")

    def act(party: str, kind: str, **said: Any) -> dict[str, Any]:
        return FAMILIES.act(student, party, kind, at, act_id=f"act_{next(numbers):010d}", **said)

    return [
        act("guardian", "intent", intent="VOCATIONAL"),
        act("guardian", "acknowledge"),
        act("guardian", "sign", destination=RECEIVING),
        act("pupil", "sign", destination=RECEIVING),
    ]


@st.composite
def courses(draw: st.DrawFn, *, genuine: bool) -> list[tuple[Any, ...]]:
    """Draw a course; with genuine families they act half of the time, and the right people do the rest."""
    forward = ["record_applications", "record_admissions", "record_reporting", "record_registrations"] * 4
    families = ["acts"] * 8 + ["consent"] * (4 if genuine else 0)
    moves = st.sampled_from([*STAFF, *forward, *families, *["wait"] * 3, "news", "record_destinations"])
    course: list[tuple[Any, ...]] = []
    for move in draw(st.lists(moves, min_size=10, max_size=40)):
        match move:
            case "wait":
                course.append(("wait", draw(st.sampled_from([1, 24, 24 * 14, 24 * 60]))))
            case "news":
                course.append(("news", draw(st.sampled_from(NEWS))))
            case "consent":
                course.append(("command", "deliver_family_acts", GATEWAY, {"acts": draw(consents())}, None, False))
            case "acts":
                who = GATEWAY if genuine or draw(st.booleans()) else draw(st.sampled_from(PEOPLE))
                alike = st.lists(acts(genuine=genuine), min_size=1, max_size=3)
                given = draw(alike if genuine else alike | mixed())
                course.append(("command", "deliver_family_acts", who, {"acts": given}, None, False))
            case _:
                right = [who for who in PEOPLE if who.role in PERMISSIONS[move] and who.id != "stf_stranger"]
                who = draw(st.sampled_from(right if right and draw(st.integers(0, 5)) else PEOPLE))
                course.append(("command", move, who, draw(STAFF[move]), None, False))
    return course


def ahead(way: str) -> Filing:
    """Return a stage in which the first pupil has come so far already."""
    stage = filing(families=FAMILIES, classes={"2026-01": [A, B, C]})
    if way:
        getattr(stage, way)(A)
    stage.do("offer_notice", HEAD, document=NOTICE, students=[B])
    return stage.to(max(stage.now, when("2026-05-13 09:00")))


WAYS = st.sampled_from(["", "informed", "signed", "confirmed", "applied", "admitted", "reported", "registered"])


@settings(max_examples=40, deadline=None)
@given(course=courses(genuine=False), way=WAYS)
def test_no_command_of_anybody_states_signs_or_withdraws_for_a_family(course, way):
    """INV-04: staff, schools, offices, and the gateway with whatever it cannot sign, wherever the case stands.

    A forged act gains nothing from the genuine one that it travels with.
    """
    stage = ahead(way)
    before = len(stage.ledger)
    play(stage, course)
    signed = FAMILY_EVENTS - {"RegistrationCancelled"}  # that one follows from a withdrawal, and names no act
    done = [envelope for envelope in stage.ledger[before:] if envelope["type"] in signed]
    assert all(envelope["data"]["act"].startswith(GENUINE) for envelope in done)
    assert {envelope["type"] for envelope in done} <= GENUINE_EVENTS


@settings(max_examples=60, deadline=None)
@given(course=courses(genuine=True), way=WAYS, cuts=st.frozensets(st.integers(0, 40), max_size=3))
def test_in_every_course_the_record_alone_gives_the_state_and_every_refusal_has_its_sentence(course, way, cuts):
    """Nothing but refusals is raised; consent stands on an acknowledged notice and on the family's own acts."""
    stage = ahead(way)
    codes = play(stage, course, cuts)
    stage.consistent()
    known = {*CATALOGUE, *REFUSALS, *BLOCKERS, *OF_THE_GATEWAY, *OF_THE_REGISTER, *OF_THE_VISITS}
    assert set(codes) <= known
    told = [e["data"].get("code") for e in stage.ledger if e["type"] == "FamilyActRefused"]
    assert set(told) <= known
    _every_consent_is_lawful(stage)
    _no_application_without_two_signatures(stage)


def _every_consent_is_lawful(stage: Filing) -> None:
    acknowledged: set[tuple[str, str]] = set()
    for envelope in stage.ledger:
        data, role = envelope["data"], envelope["actor"]["role"]
        if envelope["type"] in FAMILY_EVENTS:
            assert role in (Role.GUARDIAN, Role.PUPIL)
        if envelope["type"] == "NoticeAcknowledged":
            assert role == Role.GUARDIAN
            acknowledged.add((data["student"], data["document"]))
        if envelope["type"] == "ConsentSigned":
            assert (data["student"], data["document"]) in acknowledged


def _no_application_without_two_signatures(stage: Filing) -> None:
    signed: dict[str, dict[str, str]] = {}
    for envelope in stage.ledger:
        data = envelope["data"]
        match envelope["type"]:
            case "ConsentSigned":
                signed.setdefault(data["student"], {})[data["party"]] = data["destination"]
            case "ConsentWithdrawn" | "ConsentRefused" | "NotAdmitted" | "StudentRemoved" | "SpringCaseReturned":
                signed.pop(data["student"], None)
            case "ApplicationRecorded" | "Admitted" | "Reported" | "RegistrationVerified":
                assert signed[data["student"]] == dict.fromkeys(("pupil", "guardian"), data["school"])


@settings(max_examples=40, deadline=None)
@given(course=courses(genuine=True), way=WAYS, applying=st.booleans())
def test_from_every_state_staff_alone_can_finish_the_service(course, way, applying):
    """Never a missing yes: whatever families have said, done or left undone, no blocker waits for one of them."""
    stage = ahead(way)
    play(stage, [move for move in course if move[1] not in ("complete", "skip")])
    for scope in list(stage.state.paused):
        stage.hear("resume", scope=scope)
    before = len(stage.ledger)
    for _ in range(40):
        if not stage.owed():
            break
        _serve(stage, applying=applying)
    assert stage.owed() == {}
    assert FAMILY_EVENTS.isdisjoint(envelope["type"] for envelope in stage.ledger[before:])


def _serve(stage: Filing, *, applying: bool) -> None:
    """Do what is owed to each pupil, with what staff and offices have in their own hands.

    Applying is the family's: where it does not, the school asks it until it has asked often enough.
    """
    stage.to(stage.now + timedelta(days=1))
    today = stage.now.date().isoformat()
    for number, (student, case) in enumerate(list(stage.state.cases.items())):
        serial = f"S-{stage.machine.carry.version}-{number}"
        if student in stage.state.joined:
            continue
        row = {"student": student, "school": case.school}
        match stage.state.owed(student):
            case "NOTICES_NOT_OFFERED":
                stage.do("offer_notice", HEAD, document=(stage.state.documents or [NOTICE])[-1], students=[student])
            case "FAMILIES_NOT_REACHED":
                stage.rows("record_contacts", HEAD, contact(student, stage.now.strftime("%Y-%m-%d %H:%M")))
            case "CALLBACKS_OPEN":
                purpose = "withdrawal_report" if case.protocol.report is not None else "short_cooling"
                call = {"student": student, "purpose": purpose, "outcome": "unreachable", "at": stamp(stage.now)}
                stage.rows("record_callbacks", CALLER, call)
            case "APPLICATIONS_OPEN" if not applying:
                stage.rows("record_contacts", HEAD, contact(student, stage.now.strftime("%Y-%m-%d %H:%M")))
            case "APPLICATIONS_OPEN":
                stage.rows("record_applications", HEAD, {**row, "reference": serial})
            case "ADMISSIONS_OPEN":
                stage.rows("record_admissions", REGISTER, {**row, "result": "admitted"})
            case "REPORTING_OPEN" if stage.now < when("2026-09-01 00:00"):
                stage.to("2026-09-01 18:00")  # the schools begin then; nobody reports before graduation
                return
            case "REPORTING_OPEN":
                stage.rows("record_reporting", REGISTER, {**row, "on": today})
            case "REGISTRATIONS_OPEN":
                stage.rows("record_registrations", REGISTER, {**row, "register_ref": serial, "on": today})
            case "DESTINATIONS_CONFLICTING":
                other = next(who for who in (REGISTER, SECOND_REGISTER, THIRD) if who.id not in case.recorders)
                decision = {"destination": "GENERAL_HIGH", "evidence": "SEEN", "reason": "SEEN"}
                stage.do("resolve_destination", other, student=student, **decision)


def test_every_code_and_event_of_the_stage_has_its_words():
    """Both languages, with the same fields; full-width punctuation in Chinese; nothing said twice."""
    assert {event.__name__ for event in (*FILING_EVENTS, *CONSENT_EVENTS)} <= WORDS.keys()
    assert {step.value for step in Step} <= WORDS.keys()
    assert set(SERVICE) == BLOCKERS.keys()
    for table in (REFUSALS, BLOCKERS, WORDS):
        for entry in table.values():
            assert set(entry) == {"zh", "en"}
            assert ("{count}" in entry["zh"]) == ("{count}" in entry["en"])
            assert not set(",;:!?()") & set(entry["zh"])
    assert not (REFUSALS.keys() | BLOCKERS.keys()) & {*OF_THE_GATEWAY, *OF_THE_REGISTER, *OF_THE_VISITS}
