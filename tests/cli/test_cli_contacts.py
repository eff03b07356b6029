"""One contact put right: who may, what the record keeps, and that the value stands nowhere else (FEATURES G13)."""

import asyncio
import io
import json
import sys
from pathlib import Path

import pytest
from cli_machine_rooms import CLASSES, NAMES, Machines, desk
from sqlalchemy import create_engine, insert, update

from domain.actors import Role
from registry.database import load_pepper
from registry.store import Registry
from registry.tables import caregivers, guardians, staff

sys.path.append(str(Path(__file__).parents[1] / "domain"))
from stream_samples import AUDITOR, CAMPAIGN, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, B, D, Stream, person, when
from test_school import START

STRANGER = person("stranger", Role.PRINCIPAL, "9900010002")
FATHER, CARER = "gdn_000001", "cgv_000001"
OLD, NEW = "13900000018", "13900000777"


class Outbox:
    """The outbox, as far as the command asks it."""

    def __init__(self, *rows):
        self.rows = rows
        self.repaired = []

    async def contact_repaired(self, person, contact):
        """Note whose contact is right again."""
        self.repaired.append((person, contact))

    async def find(self, campaign, *, recipient):
        """Return the rows of a recipient."""
        assert campaign == CAMPAIGN
        return [row for row in self.rows if row["recipient"] == recipient]


@pytest.fixture
def stream():
    """A school of this release with the desk's two classes."""
    found = Stream("school", {**START, "year": 2026, "release": 3}, when("2025-10-20 08:00"))
    found.give("cohort", {"classes": CLASSES})
    return found


@pytest.fixture
async def office(monkeypatch, capsys, tmp_path, stream):
    """The school's desk; its first pupil has a father and a caregiver, the class head a class; one mail bounced."""
    found = await desk(monkeypatch, capsys, tmp_path, stream, people=(AUDITOR, STRANGER))
    rows = [
        {"notice_id": f"ntc_{at}", "recipient": recipient, "state": state, "person": who}
        for at, (recipient, state, who) in enumerate(
            (
                (A, "failed_permanent", FATHER),
                (A, "failed_permanent", CARER),
                (A, "accepted", FATHER),
                (A, "expired", None),
                (B, "failed_permanent", None),
            )
        )
    ]
    monkeypatch.setattr(Machines, "outbox", Outbox(*rows), raising=False)
    engine = create_engine(f"sqlite:///{tmp_path / 'registry.db'}")
    with engine.begin() as connection:
        connection.execute(update(staff).where(staff.c.staff_ref == HEAD.id).values(classes="2023-01"))
        father = {
            "guardian_ref": FATHER,
            "student_ref": A,
            "name": "例云父",
            "phone": OLD,
            "email": "f@example.invalid",
        }
        connection.execute(insert(guardians), [father])
        carer = {"caregiver_ref": CARER, "student_ref": A, "name": "例阿婆", "phone": "", "email": "", "language": ""}
        connection.execute(insert(caregivers), [{**carer, "agreed": True}])
    engine.dispose()
    return found


@pytest.fixture
def typed(monkeypatch):
    """Return a function that puts a line on standard input."""
    return lambda line: monkeypatch.setattr("sys.stdin", io.StringIO(line))


def repair(office, contact, *options, student=A, who=FATHER, by=HEAD):
    """Repair a contact and take the answer."""
    given = ("contacts", "repair", CAMPAIGN, contact, "--student", student, "--person", who, "--by", by.id)
    return office(*given, *options)


def household(office, student=A):
    """Return a family as the registry holds it."""

    async def read():
        url = f"sqlite+aiosqlite:///{office.folder / 'registry.db'}"
        registry = await Registry.open(url, load_pepper(office.folder / "pepper"))
        found = await registry.household(student)
        await registry.close()
        return found

    return asyncio.run(read())


def code_of(told):
    """Return the code of a refusal or a failure."""
    return told.json["refused"]["code"] if "refused" in told.json else told.json["error"]["code"]


def test_the_registry_changes_and_the_record_keeps_who_went_there(office, stream, typed):
    """The event has purpose and person, and no value; the answer names what may be sent again."""
    typed(f" 139-0000 0777\n{OLD}")
    told = repair(office, "phone")
    assert told.code == 0, told
    assert {name: told.json[name] for name in ("student", "person", "contact", "removed", "notices")} == {
        "student": A,
        "person": FATHER,
        "contact": "phone",
        "removed": False,
        "notices": ["ntc_0", "ntc_3"],
    }
    assert household(office).guardians[0].phone == NEW
    assert Machines.outbox.repaired == [(FATHER, "phone")], "what was lost may be used again"
    (event,) = [one for one in stream.ledger if one["type"] == "AccessUsed"]
    assert (event["actor"]["id"], event["data"]["student"], event["data"]["purpose"]) == (HEAD.id, A, "CONTACT_REPAIR")
    written = json.dumps(list(stream.ledger)) + told.out + told.err
    assert not [value for value in (OLD, NEW, NAMES[0], "例云父") if value in written]


def test_a_file_holds_the_value_and_a_contact_can_be_taken_away(office, tmp_path):
    """Of a caregiver, of the pupil, and of a guardian whose number is a stranger's by now."""
    file = tmp_path / "new.txt"
    file.write_text("apo-1\n", encoding="utf-8-sig")
    assert repair(office, "wecom", "--value-file", file, who=CARER).code == 0
    file.write_text("own@example.invalid")
    assert repair(office, "email", "--value-file", file, who=A).code == 0
    assert repair(office, "phone", "--remove").json["removed"] is True
    found = household(office)
    assert (found.caregiver.wecom, found.email) == ("apo-1", "own@example.invalid")
    assert (found.guardians[0].phone, found.guardians[0].email) == ("", "f@example.invalid")


@pytest.mark.parametrize(
    ("by", "student", "options", "refused"),
    [
        (PRINCIPAL, A, (), None),
        (GRADE, A, (), None),
        (OFFICER, A, ("--reason", "MAIL_BOUNCED"), None),
        (OFFICER, A, (), "ACCESS_NEEDS_REASON"),
        (STRANGER, A, (), "WRONG_SCHOOL"),
        (AUDITOR, A, ("--reason", "CURIOUS"), "ROLE_NOT_ALLOWED"),
    ],
)
def test_who_may_put_a_contact_right(office, typed, by, student, options, refused):
    """The school's own staff, and with a reason the bureau; whoever oversees changes nothing."""
    typed(NEW)
    told = repair(office, "phone", *options, student=student, by=by)
    assert told.code == (5 if refused else 0), told
    assert not refused or code_of(told) == refused
    assert household(office).guardians[0].phone == (OLD if refused else NEW)


def test_a_class_head_of_another_class_needs_a_reason(office, typed, tmp_path):
    """Her own pupils are open to her; for another's the record says why."""
    engine = create_engine(f"sqlite:///{tmp_path / 'registry.db'}")
    with engine.begin() as connection:
        row = {"guardian_ref": "gdn_000002", "student_ref": D, "name": "例云母", "phone": OLD}
        connection.execute(insert(guardians), [row])
    engine.dispose()
    typed(NEW)
    assert code_of(repair(office, "phone", student=D, who="gdn_000002")) == "ACCESS_NEEDS_REASON"
    assert household(office, D).guardians[0].phone == OLD
    typed(NEW)
    assert repair(office, "phone", "--reason", "STOOD_IN", student=D, who="gdn_000002").code == 0
    assert household(office, D).guardians[0].phone == NEW


@pytest.mark.parametrize(
    ("line", "contact", "options", "exit_code", "code"),
    [
        ("12", "phone", {}, 3, "CONTACT_INVALID"),
        ("", "phone", {}, 3, "CONTACT_INVALID"),
        ("@all", "wecom", {}, 3, "CONTACT_INVALID"),
        (NEW, "phone", {"who": A}, 4, "PERSON_UNKNOWN"),
        (NEW, "phone", {"who": "gdn_nobody1"}, 4, "PERSON_UNKNOWN"),
        (NEW, "phone", {"student": "stu_nobody1"}, 4, "PERSON_UNKNOWN"),
        (NEW, "phone", {"by": person("nobody", Role.PRINCIPAL)}, 4, "STAFF_UNKNOWN"),
        (NEW, "pigeon", {}, 2, "ARGUMENT_INVALID"),
    ],
)
def test_what_cannot_be_done_changes_nothing_and_leaves_no_record(
    office, stream, typed, line, contact, options, exit_code, code
):
    """A wrong value, a person who is not of this household, a contact that is none."""
    typed(line)
    before, told = len(stream.ledger), repair(office, contact, **options)
    assert (told.code, code_of(told)) == (exit_code, code)
    assert (len(stream.ledger), household(office).guardians[0].phone) == (before, OLD)
    assert not line or line not in told.out.replace("wecom", "")


def test_a_file_that_holds_no_contact_is_refused(office, tmp_path):
    """Missing, too long, or together with --remove."""
    long = tmp_path / "long.txt"
    long.write_text("1" * 5000)
    for file in (long, tmp_path / "none.txt"):
        assert code_of(repair(office, "phone", "--value-file", file)) == "CONTACT_FILE_INVALID"
    assert code_of(repair(office, "phone", "--value-file", long, "--remove")) == "OPTIONS_EXCLUDE_EACH_OTHER"


def test_people_read_what_to_do_next(office, typed):
    """The roster is to be mended too, and what failed can go again; on a keyboard the command asks."""
    typed(NEW)
    told = office.readable("contacts", "repair", CAMPAIGN, "phone", "--student", A, "--person", FATHER, "--by", HEAD.id)
    assert "notices retry" in told.out
    assert "ntc_0 ntc_3" in told.out
    assert NEW not in told.out + told.err
    assert SCHOOL not in told.out
