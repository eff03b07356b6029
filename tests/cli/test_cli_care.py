"""Carers, letters, stand-ins and looks into a pupil's record on the command line (R-06, R-07, S13, S15, INV-23)."""

import asyncio
import hashlib
import sys
from pathlib import Path

import pytest
from cli_machine_rooms import CLASSES, NAMES, desk
from sqlalchemy import create_engine, insert, update

from cli.person import masked_mail, masked_phone
from domain.actors import Role
from registry.database import load_pepper
from registry.store import Registry
from registry.tables import guardians, staff

sys.path.append(str(Path(__file__).parents[1] / "domain"))
from retention_courses import CONTENT, REGISTRAR, registered, row
from stream_samples import AUDITOR, CAMPAIGN, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, B, C, D, Stream, person, when
from test_school import START

SECOND, THIRD = person("second", Role.CLASS_HEAD), person("third", Role.CLASS_HEAD)
PEOPLE = (AUDITOR, REGISTRAR, SECOND, THIRD)
PHONE, MAIL = "13900000018", "guardian@example.invalid"
FAR = "2099-12-31"


@pytest.fixture
def stream():
    """A school of this release with the desk's two classes."""
    found = Stream("school", {**START, "year": 2026, "release": 3}, when("2025-10-20 08:00"))
    found.give("cohort", {"classes": CLASSES})
    return found


@pytest.fixture
def retention():
    """The school's follow-ups on the day of the first checkpoint."""
    return registered(classes=CLASSES, content={**CONTENT, "release": 3}).to("2026-10-12 09:00")


@pytest.fixture
async def office(monkeypatch, capsys, tmp_path, stream, retention):
    """The school's desk; its first pupil has a guardian, its class head a class."""
    found = await desk(monkeypatch, capsys, tmp_path, stream, retention, people=PEOPLE)
    engine = create_engine(f"sqlite:///{tmp_path / 'registry.db'}")
    with engine.begin() as connection:
        connection.execute(update(staff).where(staff.c.staff_ref == HEAD.id).values(classes="2023-01"))
        guardian = {"guardian_ref": "gdn_000001", "student_ref": A, "name": "例云父", "phone": PHONE, "email": MAIL}
        connection.execute(insert(guardians), [guardian])
    engine.dispose()
    return found


def code_of(told):
    """Return the code of a refusal or a failure."""
    return told.json["refused"]["code"] if "refused" in told.json else told.json["error"]["code"]


def partition(office):
    """Give the first class its carers."""
    carers = ("--carers", HEAD.id, SECOND.id, THIRD.id)
    told = office("care", "partition", "@", "2023-01", *carers, "--special", C, "--by", GRADE.id)
    assert told.code == 0, told


# -- carers and letters -----------------------------------------------------------------------------------------


def test_a_class_gets_its_carers_and_the_report_says_who_has_not_signed(office, stream):
    """Two, one and none of three pupils; the pupil of a special group is with the class head; letters are missing."""
    partition(office)
    assert stream.last("StudentsPartitioned")["data"]["groups"] == [[C, A], [B], []]
    told = office("care", "group", "@", "--head", PRINCIPAL.id, "--deputies", GRADE.id, "--by", PRINCIPAL.id)
    assert told.code == 0, told
    report = office("care", "show", "@").json
    assert report["classes"] == [
        {
            "class_id": "2023-01",
            "carers": [
                {"carer": HEAD.id, "pupils": 2},
                {"carer": SECOND.id, "pupils": 1},
                {"carer": THIRD.id, "pupils": 0},
            ],
        }
    ]
    assert report["without_carers"] == ["2023-02"]
    assert [(one["level"], one["signer"]) for one in report["unsigned"]] == [
        ("PRINCIPAL", PRINCIPAL.id),
        ("VICE_PRINCIPAL", GRADE.id),
        ("GRADE_LEADER", GRADE.id),
        ("CLASS_HEAD", HEAD.id),
        ("TEACHER", SECOND.id),
        ("CLASS_HEAD", None),  # of the class without carers, for whom the staff list names no head
    ]
    assert report["letters"] == {"signed": 0, "before": "2025-12-01", "passed": False}
    assert report["not_listed"] == []
    readable = office.readable("care", "show", "@")
    assert "2025-12-01" in readable.out
    assert HEAD.id in readable.out


def test_after_the_day_the_report_says_so_and_names_heads_without_a_partition(office, stream):
    """The class head of the staff list owes a letter although the class has no carers yet (R-07)."""
    stream.to("2025-12-01 08:00")
    report = office("care", "show", "@").json
    assert report["letters"]["passed"] is True
    assert report["unsigned"] == [
        {"level": "CLASS_HEAD", "scope": "2023-01", "signer": HEAD.id},
        {"level": "CLASS_HEAD", "scope": "2023-02", "signer": None},
    ]
    assert "该日已过" in office.readable("care", "show", "@").out


def test_a_letter_is_signed_by_its_digest(office, stream):
    """The record has the SHA-256 of the file, never its text; another class's letter is not the head's."""
    partition(office)
    letter = office.folder / "letter.txt"
    letter.write_text("责任状全文，仅供测试。", encoding="utf-8")
    words = ("care", "sign", "@", "class_head", "2023-01", letter, "--letter-version", "letter-1")
    assert office(*words, "--by", HEAD.id).code == 0
    data = stream.last("ResponsibilityLetterSigned")["data"]
    assert data["letter"] == hashlib.sha256(letter.read_bytes()).hexdigest()
    assert "责任状全文" not in str(stream.ledger)
    assert office("care", "show", "@").json["letters"]["signed"] == 1
    told = office(*words, "--by", SECOND.id)
    assert (told.code, code_of(told)) == (5, "LETTER_NOT_YOURS")
    gone = ("care", "revoke-letter", "@", "class_head", "2023-01", HEAD.id, "--reason", "WRONG_TEXT")
    assert office(*gone, "--by", PRINCIPAL.id).code == 0
    assert office("care", "show", "@").json["letters"]["signed"] == 0


# -- stand-ins --------------------------------------------------------------------------------------------------


def delegate(office, *options, accepted=True):
    """Let the grade leader stand in for the principal; return the delegation's name."""
    words = ("care", "delegate", "@", GRADE.id, "--until", FAR, *options, "--by", PRINCIPAL.id)
    told = office(*words, "--command-id", "leave")
    assert told.code == 0, told
    name = told.json["delegation"]
    if accepted:
        assert office("care", "accept", "@", name, "--by", GRADE.id).code == 0
    return name


def replace_head(office, *options, who=GRADE.id):
    """Replace a class head, which a grade leader may not do in the own role."""
    words = ("staff", "replace", CAMPAIGN, THIRD.id, "stf_follower", "--name", "例云师", "--on", "2025-10-20")
    return office(*words, "--by", who, "--reason", "LEAVE", *options)


def test_a_stand_in_acts_in_the_others_role_and_both_stand_in_the_record(office, stream):
    """Not before the acceptance; with it, `--for` carries the principal's role; after the end, no more."""
    assert code_of(replace_head(office)) == "ROLE_NOT_ALLOWED"
    name = delegate(office, accepted=False)
    told = replace_head(office, "--for", PRINCIPAL.id)
    assert (told.code, code_of(told)) == (5, "NOT_DELEGATED")
    assert office("care", "accept", "@", name, "--by", GRADE.id).code == 0
    assert code_of(replace_head(office, "--for", PRINCIPAL.id, who=SECOND.id)) == "NOT_DELEGATED"
    assert replace_head(office, "--for", PRINCIPAL.id).code == 0
    actor = stream.last("StaffReplaced")["actor"]
    assert (actor["id"], actor["role"], actor["on_behalf_of"]) == (GRADE.id, "principal", PRINCIPAL.id)
    assert office("care", "revoke", "@", name, "--by", PRINCIPAL.id, "--reason", "BACK").code == 0
    group = ("care", "group", "@", "--head", PRINCIPAL.id, "--deputies", GRADE.id)
    assert code_of(office(*group, "--by", GRADE.id, "--for", PRINCIPAL.id)) == "NOT_DELEGATED"
    assert office("care", "show", "@").json["delegations"] == []


def test_a_delegation_of_some_commands_covers_no_others(office):
    """Named kinds only; an unknown person and the bureau give nothing to a school's stand-in."""
    delegate(office, "--commands", "partition_class")
    assert code_of(replace_head(office, "--for", PRINCIPAL.id)) == "NOT_DELEGATED"
    assert code_of(replace_head(office, "--for", OFFICER.id)) == "NOT_DELEGATED"
    assert code_of(replace_head(office, "--for", "stf_nobody")) == "STAFF_UNKNOWN"
    name = office("care", "show", "@").json["delegations"][0]["delegation"]
    assert code_of(office("care", "reject", "@", name, "--by", GRADE.id)) == "DELEGATION_ANSWERED"


def test_an_ended_delegation_is_refused_at_its_use(office, stream):
    """The day counts at the use: the command that came after it is told so."""
    name = "leave-0"
    stream.do("delegate", PRINCIPAL, delegation=name, to=GRADE.id, until="2025-10-31")
    stream.do("accept_delegation", GRADE, delegation=name)
    assert code_of(replace_head(office, "--for", PRINCIPAL.id)) == "DELEGATION_ENDED"


# -- looks into a record ----------------------------------------------------------------------------------------


def look(office, who, *options, student=A):
    """Look into a pupil's record."""
    return office("person", "show", student, CAMPAIGN, "--purpose", "HOME_VISIT", "--by", who, *options)


def test_the_own_class_head_sees_the_record_with_masked_contacts(office, stream):
    """Name and class in full, contacts masked; the event before the look has no word of it (INV-22)."""
    told = look(office, HEAD.id)
    assert told.code == 0, told
    shown = told.json
    assert (shown["name"], shown["class"], shown["school"]) == (NAMES[0], "2023-01", SCHOOL)
    (guardian,) = shown["guardians"]
    assert (guardian["phone"], guardian["email"]) == ("139******18", "g***@example.invalid")
    assert PHONE not in told.out
    assert stream.last("AccessUsed")["data"]["purpose"] == "HOME_VISIT"
    assert not any(secret in str(stream.ledger) for secret in (*NAMES, "例云父", PHONE, MAIL))
    assert NAMES[0] in office.readable("person", "show", A, CAMPAIGN, "--purpose", "TALK", "--by", HEAD.id).out


def test_another_class_is_behind_the_glass(office, stream):
    """Refused and kept; with a reason it opens for a day; nothing is shown without its event."""
    told = look(office, HEAD.id, student=D)
    assert (told.code, code_of(told)) == (5, "ACCESS_NEEDS_REASON")
    assert NAMES[3] not in told.out + told.err
    assert stream.ledger[-1]["type"] == "CommandRefused"
    assert code_of(look(office, HEAD.id, "--break-glass", student=D)) == "REASON_REQUIRED"
    told = look(office, HEAD.id, "--break-glass", "--reason", "CHILD_AT_RISK", student=D)
    assert told.json["name"] == NAMES[3]
    assert stream.last("AccessUsed")["data"]["until"].startswith("2025-10-21T08:00")


def test_every_look_is_listed_for_the_auditor(office):
    """Ordinary looks count too; broken glass can be listed alone; a principal does not get the list."""
    look(office, HEAD.id)
    look(office, REGISTRAR.id)
    look(office, AUDITOR.id, "--break-glass", "--reason", "COMPLAINT_7")
    listed = office("person", "accesses", CAMPAIGN, "--by", AUDITOR.id).json
    assert (listed["total"], listed["glass_broken"]) == (3, 1)
    assert [(one["by"], one["role"], one["reason"]) for one in listed["accesses"]] == [
        (HEAD.id, "class_head", None),
        (REGISTRAR.id, "register_officer", None),
        (AUDITOR.id, "auditor", "COMPLAINT_7"),
    ]
    alone = office("person", "accesses", CAMPAIGN, "--glass-only", "--by", AUDITOR.id)
    assert alone.json["total"] == 1
    assert A in office.readable("person", "accesses", CAMPAIGN, "--by", AUDITOR.id).out
    refused = office("person", "accesses", CAMPAIGN, "--by", PRINCIPAL.id)
    assert (refused.code, code_of(refused)) == (5, "ROLE_NOT_ALLOWED")


def test_a_look_needs_a_purpose_and_a_pupil(office):
    """Usage, not found, and a pupil of nobody's; no name in any of them."""
    without = office("person", "show", A, CAMPAIGN, "--by", HEAD.id)
    assert without.code == 2
    bad = office("person", "show", A, CAMPAIGN, "--purpose", "just looking", "--by", HEAD.id)
    assert (bad.code, code_of(bad)) == (2, "PURPOSE_INVALID")
    assert code_of(look(office, HEAD.id, student="stu_999999")) == "STUDENT_UNKNOWN"
    assert code_of(look(office, "stf_nobody")) == "STAFF_UNKNOWN"


async def _forget(folder):
    registry = await Registry.open(f"sqlite+aiosqlite:///{folder / 'registry.db'}", load_pepper(folder / "pepper"))
    await registry.forget_pupil(A)
    await registry.close()


def test_a_forgotten_pupil_is_not_found_and_the_look_stays_on_record(office, stream):
    """The event came first; there is nothing to show any more."""
    asyncio.run(_forget(office.folder))
    assert look(office, HEAD.id).code == 4
    assert stream.last("AccessUsed")["data"]["student"] == A


@pytest.mark.parametrize(
    ("phone", "shown"), [("13900000018", "139******18"), ("1234567", "*******"), ("12345678", "123***78"), ("", "")]
)
def test_a_masked_number_is_too_little_to_call(phone, shown):
    """Short numbers are hidden whole."""
    assert masked_phone(phone) == shown


@pytest.mark.parametrize(("mail", "shown"), [("ab@example.invalid", "a***@example.invalid"), ("", "")])
def test_a_masked_address_keeps_its_domain(mail, shown):
    """One letter and the domain."""
    assert masked_mail(mail) == shown


# -- where the checks stand -------------------------------------------------------------------------------------


def test_each_check_has_a_state_on_the_command_line(office):
    """As of a day; the counts stand with the conflicts too, and add up to the checks."""
    states = office("evidence", "states", "@", "--on", "2026-10-12").json
    assert states["counts"]["due"] == 9
    assert states["counts"]["ahead"] == 6
    assert {one["state"] for one in states["checks"]} == {"due"}
    later = office("evidence", "states", "@", "--student", A, "--on", "2027-02-01").json["checks"]
    assert [one["state"] for one in later] == ["missed", "overdue", "due"]
    shown = office("evidence", "show", "@").json["checks"]
    assert sum(shown.values()) - shown["ahead"] == 9
    assert "已错过" in office.readable("evidence", "states", "@", "--on", "2027-02-01").out


def test_a_next_attempt_and_a_plan_to_find_a_pupil(office, retention):
    """Both are commands of one pupil, with their day; a malformed checkpoint is usage."""
    words = ("evidence", "not-reached", "@", A, "第30天", "--evidence", "电话", "--by", HEAD.id)
    assert office(*words, "--again-on", "2026-10-15").code == 0
    assert retention.last("NotReached")["data"]["again_on"] == "2026-10-15"
    assert office("evidence", "states", "@", "--student", A).json["checks"][0]["again_on"] == "2026-10-15"
    assert office("evidence", "not-reached", "@", A, "D30", "--evidence", "电话", "--by", HEAD.id).code == 2
    retention.do("record_checkpoints", REGISTRAR, rows=[row(B, "lost")])
    plan = ("evidence", "refind", "@", B, "--on", "2026-10-20", "--who", HEAD.id, "--by", HEAD.id)
    assert office(*plan).code == 0
    assert retention.last("RefindPlanned")["data"] == {"student": B, "on": "2026-10-20", "who": HEAD.id}
