"""Calls and letters that people do: who sees which, what is printed, and that it stays in the file (G1, G13)."""

import asyncio
import csv
import json
import re
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cli_in_process import command_line
from python_calamine import CalamineWorkbook
from sqlalchemy import create_engine, insert

import cli.notice_lists as command
from cli.failures import Failure
from cli.notices_people import _read
from cli.options import Face
from domain.family_act import Party
from domain.notice_glossary import CODES
from domain.notices import PAPER, PHONE
from domain.policy_parameters import PolicyParameters
from domain.refusal import Refusal
from domain.sending import rules_of
from domain.sending_events import OUTCOMES, NoticeMuted, NoticeTaskRecorded
from gateway.codes import Gateway, good_until
from gateway.store import Binding
from ledger.handover import Copy, Routing
from ledger.store import Ledger
from ledger.tables import suppressions
from notices.printing import ANSWER_BY_PAPER, slip_number
from registry.database import load_pepper
from registry.staff_file import StaffMember
from registry.store import Registry
from registry.tables import caregivers, guardians, pupils

sys.path.append(str(Path(__file__).parents[1] / "notices"))  # for `notices_house`, also when run alone
from notices_house import AT, CAMPAIGN, MEETINGS, SCHOOL, Drafted, NoticeOffered, sealed
from notices_house import student as reference

from domain.notices import notices_for
from domain.parent_meetings_events import HouseholdInvited, SessionScheduled

FILING = f"{CAMPAIGN}/{SCHOOL}/application-filing"
DOCUMENT = "choice-2025-1"
OTHER = "9900010002"
CLASSES = {1: "2022-01", 2: "2022-01", 3: "2022-02"}
CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b")
NOW = datetime(2025, 3, 3, 2, 0, tzinfo=UTC)
RULES = rules_of(PolicyParameters())
PEOPLE = (
    ("stf_head", "class_head", SCHOOL, ("2022-01",)),
    ("stf_principal", "principal", SCHOOL, ()),
    ("stf_stranger", "principal", OTHER, ()),
    ("stf_officer", "bureau_officer", "", ()),
    ("stf_auditor", "auditor", "", ()),
    ("stf_receiving", "receiving_school", "9900090001", ()),
)


class Begun(Drafted):
    """A campaign that began with a gateway's key."""

    gateway: dict[str, str] | None = None


def phone(number):
    """Return a father's telephone."""
    return f"139000000{number:02d}"


async def put(ledger, envelopes):
    """Append events with the notices that they ask for, and the campaign's line of the board."""
    plans = [plan for envelope in envelopes for plan in notices_for(envelope)]
    await ledger.append(envelopes, plans, {"schools": {SCHOOL: "running", OTHER: "running"}, "status": "running"})


async def families(folder):
    """Write three families and the staff into the registry; the second has a caregiver too."""
    registry = await Registry.open(f"sqlite+aiosqlite:///{folder / 'registry.db'}", load_pepper(folder / "pepper"))
    members = [
        StaffMember.model_validate({"staff_ref": ref, "role": role, "school": school, "classes": classes})
        for ref, role, school, classes in PEOPLE
    ]
    await registry.replace_staff(CAMPAIGN, members)
    await registry.close()
    engine = create_engine(f"sqlite:///{folder / 'registry.db'}")
    common = {"campaign": CAMPAIGN, "school": SCHOOL, "listed": True, "birth_date": date(2010, 3, 5), "salt": "0" * 32}
    with engine.begin() as connection:
        for number, class_id in CLASSES.items():
            ref = reference(number)
            own = {"student_ref": ref, "id_key": f"{number:064d}", "class_id": class_id, "name": f"例学生{number}"}
            connection.execute(insert(pupils).values(**common, **own))
            father = {"guardian_ref": f"gdn_{number:06d}", "name": f"例父{number}", "phone": phone(number)}
            connection.execute(insert(guardians).values(student_ref=ref, **father))
        carer = {"caregiver_ref": "cgv_000002", "name": "例阿婆", "phone": "13900000099", "email": "", "language": ""}
        connection.execute(insert(caregivers).values(student_ref=reference(2), agreed=True, **carer))
    engine.dispose()


async def on_list(ledger, channel, purpose, *, others=()):
    """Route the notices of a purpose to the fathers, on a list; `others` of the second family beside its father."""
    rows = [row for row in await ledger.outbox.unrouted(CAMPAIGN, 99) if row.purpose == purpose]
    routings = []
    for row in rows:
        number = int(row.recipient[-6:])
        person = None if row.recipient.startswith("pupil:") else f"gdn_{number:06d}"
        copies = tuple(Copy(ref, purpose, (channel,)) for ref in others) if number == 2 else ()
        routings.append(Routing(row.notice_id, person, (channel,), (), None, copies))
    await ledger.outbox.route(routings)
    assert await ledger.outbox.claim(CAMPAIGN, channel, 99, NOW, RULES, None) == []


async def invited(folder):
    """Make a data directory in which three families are invited: letters to the first two, a call to the third."""
    await families(folder)
    gateway = await Gateway.open(f"sqlite+aiosqlite:///{folder / 'gateway.db'}", folder / "gateway.key")
    opened = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    await put(opened, sealed(CAMPAIGN, [Begun(campaign=CAMPAIGN, gateway={"public_key": gateway.public_key})]))
    await gateway.close()
    first = [HouseholdInvited(session="s1", student=reference(number)) for number in (1, 2)]
    scheduled = SessionScheduled(session="s1", classes=("2022-01", "2022-02"), at=AT)
    events = sealed(MEETINGS, [scheduled, *first])
    await put(opened, events)
    await on_list(opened, PAPER, "meeting_invitation", others=("cgv_000002",))
    called = sealed(MEETINGS, [HouseholdInvited(session="s1", student=reference(3))], 4, events[-1]["hash"])
    await put(opened, called)
    await on_list(opened, PHONE, "meeting_invitation")
    await opened.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return a data directory to copy."""
    folder = tmp_path_factory.mktemp("prepared")
    asyncio.run(invited(folder))
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    """Return a data directory of the test's own."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
async def ledger(folder):
    """Return its ledger."""
    opened = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def face(tmp_path):
    """Return a face on the test's data directory, with JSON."""
    return Face(json=True, data=tmp_path)


async def offered(ledger, number=1):
    """Offer a family the letter with the code, which goes on paper."""
    await put(ledger, sealed(FILING, [NoticeOffered(student=reference(number), document=DOCUMENT)]))
    await on_list(ledger, PAPER, "choice_notice")


async def states(ledger):
    """Return recipient, person and purpose → state."""
    rows = await ledger.outbox.find(CAMPAIGN)
    return {f"{row['recipient'][-1]} {row['person']} {row['purpose']}": row["state"] for row in rows}


def cells(path):
    """Return the list's rows by title, and every text of the letters."""
    book = CalamineWorkbook.from_path(path)
    header, *rows = book.get_sheet_by_index(0).to_python()
    letters = [str(row[0]) for name in book.sheet_names[1:] for row in book.get_sheet_by_name(name).to_python()]
    return [dict(zip(header, row, strict=True)) for row in rows], "\n".join(letters)


# -- the lists ----------------------------------------------------------------------------------------------------


async def test_a_list_outside_a_terminal_has_references_only(folder, face, capsys, tmp_path):
    """As JSON and in a pipe: which notices of whom, no name, no telephone."""
    assert await command.tasks(CAMPAIGN, by="stf_officer", face=face) == 0
    printed = capsys.readouterr().out
    data = json.loads(printed)
    assert (data["total"], data["by_channel"]) == (4, {"paper": 3, "phone": 1})
    assert {(one["channel"], one["class"], one["student"], one["person"]) for one in data["tasks"]} == {
        ("paper", "2022-01", reference(1), "gdn_000001"),
        ("paper", "2022-01", reference(2), "gdn_000002"),
        ("paper", "2022-01", reference(2), "cgv_000002"),
        ("phone", "2022-02", reference(3), "gdn_000003"),
    }
    await command.tasks(CAMPAIGN, channel="phone", by="stf_officer", face=Face(data=tmp_path))
    printed += (piped := capsys.readouterr().out)
    assert "gdn_000003" in piped
    assert "gdn_000001" not in piped
    assert not re.search(r"例|139000000", printed)


async def test_a_terminal_shows_whom_to_call(folder, capsys, tmp_path, monkeypatch):
    """Name and number, which the call needs."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    await command.tasks(CAMPAIGN, school=SCHOOL, by="stf_principal", face=Face(data=tmp_path))
    printed = capsys.readouterr().out
    assert [name in printed for name in ("例学生3", "例父3", phone(3), "例阿婆", "ntc_")] == [True] * 5


async def test_who_sees_whose_tasks(folder, face, capsys):
    """The class head's own classes, the school's own pupils; the bureau and who oversees it, all."""
    everybody = {reference(1), reference(2), reference(3)}
    for by, seen in (
        ("stf_head", {reference(1), reference(2)}),
        ("stf_principal", everybody),
        ("stf_auditor", everybody),
        ("stf_stranger", set()),
    ):
        await command.tasks(CAMPAIGN, by=by, face=face)
        assert {one["student"] for one in json.loads(capsys.readouterr().out)["tasks"]} == seen


async def test_who_sees_no_list_at_all(folder, face, capsys):
    """Another school's staff who name this one, a receiving school, nobody of this campaign."""
    for by, school, error, code in (
        ("stf_stranger", SCHOOL, Refusal, "WRONG_SCHOOL"),
        ("stf_receiving", None, Refusal, "ROLE_NOT_ALLOWED"),
        ("stf_nobody", None, Failure, "STAFF_UNKNOWN"),
    ):
        with pytest.raises(error) as caught:
            await command.tasks(CAMPAIGN, school=school, by=by, face=face)
        assert caught.value.code == code
        assert not capsys.readouterr().out


def test_both_commands_are_on_the_command_line(folder, monkeypatch, capsys):
    """From the arguments to the exit code."""
    run = command_line(monkeypatch, capsys)
    shared = ("--by", "stf_principal", "--json", "--data", folder)
    assert run("notices", "tasks", CAMPAIGN, "--channel", "paper", *shared).json["total"] == 3
    assert run("notices", "print", CAMPAIGN, SCHOOL, folder / "letters.xlsx", *shared).json["printed"] == 3
    assert run("notices", "tasks", CAMPAIGN, *shared).json["by_channel"] == {"phone": 1}
    refused = run("notices", "print", CAMPAIGN, SCHOOL, folder / "letters.xlsx", *shared)
    assert (refused.code, refused.json["error"]["code"]) == (3, "FILE_EXISTS")


# -- the letters --------------------------------------------------------------------------------------------------


async def test_letters_are_printed_once_into_a_file_of_ones_own(ledger, face, capsys, tmp_path):
    """Each reader's own letter with its slip; they count as submitted, and again there is nothing to print."""
    path = tmp_path / "letters.xlsx"
    assert await command.print_(CAMPAIGN, SCHOOL, path, by="stf_head", face=face) == 0
    printed = capsys.readouterr().out
    data = json.loads(printed)
    assert (data["printed"], data["left_out"], data["file"]) == (3, {}, str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    rows, letters = cells(path)
    assert [(row["class_id"], row["name"], row["person"], row["outcome"]) for row in rows] == [
        ("2022-01", "例学生1", "例父1", ""),
        *(("2022-01", "例学生2", who, "") for who in [row["person"] for row in rows[1:]]),
    ]
    assert {row["person"] for row in rows[1:]} == {"例父2", "例阿婆"}
    assert all(slip_number(row["notice"]) == row["receipt"] and row["receipt"] in letters for row in rows)
    assert "例学生1同学的家长" in letters
    assert not re.search(r"例|139000000", printed)
    assert {name: state for name, state in (await states(ledger)).items() if state == "submitted"} == {
        "1 gdn_000001 meeting_invitation": "submitted",
        "2 gdn_000002 meeting_invitation": "submitted",
        "2 cgv_000002 meeting_invitation": "submitted",
    }
    assert [one["channel"] for one in await ledger.outbox.attempts(rows[0]["notice"])] == ["paper"]
    again = tmp_path / "again.xlsx"
    await command.print_(CAMPAIGN, SCHOOL, again, by="stf_principal", face=face)
    assert json.loads(capsys.readouterr().out)["file"] is None
    assert not again.exists()


async def test_the_list_comes_back_as_a_file(folder, face, tmp_path):
    """`notices done --file` reads what was written beside the names, and passes over what is empty."""
    path = tmp_path / "letters.xlsx"
    await command.print_(CAMPAIGN, SCHOOL, path, by="stf_principal", face=face)
    rows, _ = cells(path)
    with (tmp_path / "back.csv").open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([{**rows[0], "outcome": "SIGNED"}, {**rows[1], "outcome": "退回"}, rows[2]])
    assert {notice: outcome.value for notice, outcome in _read(tmp_path / "back.csv").items()} == {
        rows[0]["notice"]: "SIGNED",
        rows[1]["notice"]: "RETURNED",
    }


async def test_nothing_is_printed_over_another_file_or_by_who_oversees(ledger, face, tmp_path):
    """Nor by another school; what was not printed stays on the list."""
    path = tmp_path / "mine.xlsx"
    path.write_text("kept")
    before = await states(ledger)
    with pytest.raises(Failure, match="FILE_EXISTS"):
        await command.print_(CAMPAIGN, SCHOOL, path, by="stf_head", face=face)
    for by, code in (("stf_auditor", "ROLE_NOT_ALLOWED"), ("stf_stranger", "WRONG_SCHOOL")):
        with pytest.raises(Refusal, match=code):
            await command.print_(CAMPAIGN, SCHOOL, tmp_path / "no.xlsx", by=by, face=face)
    assert (path.read_text(), (tmp_path / "no.xlsx").exists()) == ("kept", False)
    assert await states(ledger) == before


async def test_what_must_not_go_out_any_more_does_not_stay_in_the_file(ledger, face, capsys, tmp_path, monkeypatch):
    """A pupil leaves between the look at the list and the print: the letter is taken out again."""
    mark = type(ledger.outbox).mark_printed
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")

    async def after_a_departure(outbox, notices, now, *more, **kinds):
        row = {
            "campaign": CAMPAIGN,
            "student": reference(1),
            "code": "LEFT_REGISTER",
            "cause": "x#1",
            "reason": "death",
        }
        with engine.begin() as connection:
            connection.execute(insert(suppressions).values(**row, at="2025-03-03T10:00:00.000000+08:00"))
        return await mark(outbox, notices, now, *more, **kinds)

    monkeypatch.setattr(type(ledger.outbox), "mark_printed", after_a_departure)
    path = tmp_path / "letters.xlsx"
    await command.print_(CAMPAIGN, SCHOOL, path, by="stf_principal", face=face)
    engine.dispose()
    data = json.loads(capsys.readouterr().out)
    rows, letters = cells(path)
    assert (data["printed"], data["left_out"], len(rows)) == (2, {"CANCELLED": 1}, 2)
    assert "例学生1" not in letters
    assert (await states(ledger))["1 gdn_000001 meeting_invitation"] != "submitted"


async def test_a_print_that_breaks_off_leaves_neither_file_nor_mark(ledger, face, tmp_path, monkeypatch):
    """The letters wait for the next one."""

    async def broken(*_, **__):
        raise OSError(28, "no space")

    monkeypatch.setattr(type(ledger.outbox), "mark_printed", broken)
    path = tmp_path / "letters.xlsx"
    with pytest.raises(OSError, match="no space"):
        await command.print_(CAMPAIGN, SCHOOL, path, by="stf_principal", face=face)
    assert not path.exists()
    assert set((await states(ledger)).values()) == {"cleared"}


async def test_a_print_that_breaks_off_after_the_mark_leaves_the_file(ledger, face, tmp_path, monkeypatch):
    """The record says that they are printed by then: nobody must have to print them without the record."""
    mark, write = type(ledger.outbox).mark_printed, command._write
    written = []

    async def all_but_one(outbox, notices, *more, **kinds):
        return (await mark(outbox, notices, *more, **kinds))[1:]

    def once(made, letters):
        written.append(len(letters))
        if len(written) > 1:
            raise OSError(28, "no space")
        write(made, letters)

    monkeypatch.setattr(type(ledger.outbox), "mark_printed", all_but_one)
    monkeypatch.setattr(command, "_write", once)
    path = tmp_path / "letters.xlsx"
    with pytest.raises(OSError, match="no space"):
        await command.print_(CAMPAIGN, SCHOOL, path, by="stf_principal", face=face)
    assert len(cells(path)[0]) == 3


async def test_the_record_knows_what_was_printed(ledger, face, capsys, tmp_path):
    """Template and keyed digest of each letter, as for any other channel; the digest is the text's."""
    path = tmp_path / "letters.xlsx"
    await command.print_(CAMPAIGN, SCHOOL, path, by="stf_principal", face=face)
    capsys.readouterr()
    digests = set()
    for row in cells(path)[0]:
        held = await ledger.outbox.notice(row["notice"])
        (attempt,) = await ledger.outbox.attempts(row["notice"])
        (told,) = await ledger.outbox.journal(row["notice"])
        assert held["template"] == attempt["template"] == f"meeting_invitation/{held['template'].split('/')[1]}"
        assert held["digest"] == attempt["digest"] == told["digest"]
        assert re.fullmatch(r"[0-9a-f]{64}", held["digest"])
        digests.add(held["digest"])
    assert len(digests) == 3, "each letter's own"


async def test_letters_that_are_lost_are_printed_again(ledger, face, capsys, tmp_path):
    """Only those that were printed and have no outcome; each print is an attempt of its own, with the same text."""
    paths = [tmp_path / f"{name}.xlsx" for name in ("none", "first", "again", "third")]
    await command.print_(CAMPAIGN, SCHOOL, paths[0], again=True, by="stf_principal", face=face)
    assert json.loads(capsys.readouterr().out)["printed"] == 0
    await command.print_(CAMPAIGN, SCHOOL, paths[1], by="stf_principal", face=face)
    first, _ = cells(paths[1])
    paths[1].unlink()
    stated = NoticeTaskRecorded(school=SCHOOL, notice=first[0]["notice"], channel=PAPER, outcome=OUTCOMES[PAPER][0])
    muted = NoticeMuted(notice=first[1]["notice"], school=None, reason="WRONG")
    head = [event async for event in ledger.events(CAMPAIGN, 0)][-1]
    await put(ledger, sealed(CAMPAIGN, [stated, muted], 2, head["hash"]))
    capsys.readouterr()

    await command.print_(CAMPAIGN, SCHOOL, paths[2], again=True, by="stf_principal", face=face)

    data = json.loads(capsys.readouterr().out)
    rows, again = cells(paths[2])
    assert (data["printed"], data["left_out"]) == (1, {})
    assert rows == [first[2]]
    assert slip_number(first[2]["notice"]) in again
    tried = await ledger.outbox.attempts(first[2]["notice"])
    assert [(one["number"], one["outcome"], one["code"]) for one in tried] == [
        (1, "failed_temporary", "PRINTED_AGAIN"),
        (2, None, None),
    ]
    assert tried[0]["digest"] == tried[1]["digest"] is not None
    assert (await ledger.outbox.notice(first[2]["notice"]))["state"] == "submitted"
    told = [(one["number"], one["state"]) for one in await ledger.outbox.journal(first[2]["notice"])]
    assert told == [(1, "submitted"), (1, "failed_temporary"), (2, "submitted")]
    await command.print_(CAMPAIGN, SCHOOL, paths[3], by="stf_principal", face=face)
    assert json.loads(capsys.readouterr().out)["printed"] == 0


# -- letters with a code ------------------------------------------------------------------------------------------


async def test_a_coded_letter_has_a_sealed_code_of_its_own(ledger, face, capsys, tmp_path):
    """As `gateway issue-paper` gives it, for this person; the letter says that only the call-back takes it."""
    await offered(ledger)
    path = tmp_path / "letters.xlsx"
    await command.print_(CAMPAIGN, SCHOOL, path, by="stf_officer", face=face)
    printed = capsys.readouterr().out
    assert json.loads(printed)["left_out"] == {}
    (code,) = CODE.findall(text := cells(path)[1])
    assert ANSWER_BY_PAPER["zh"] in text
    assert code not in printed
    gateway = await Gateway.open(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", tmp_path / "gateway.key")
    bound = Binding(
        campaign=CAMPAIGN,
        school=SCHOOL,
        student=reference(1),
        party=Party.GUARDIAN,
        person="gdn_000001",
        document=DOCUMENT,
    )
    assert await gateway.issue_paper(bound, good_until(CAMPAIGN, NOW + timedelta(days=1))) == code
    await gateway.close()


@pytest.mark.parametrize(("by", "keyed"), [("stf_principal", True), ("stf_head", True), ("stf_officer", False)])
async def test_a_coded_letter_is_left_out_where_no_code_may_be_made(ledger, face, capsys, tmp_path, by, keyed):
    """School staff never see a family's code; without the gateway's key there is none. It stays on the list."""
    await offered(ledger)
    if not keyed:
        (tmp_path / "gateway.key").unlink()
    path = tmp_path / "letters.xlsx"
    await command.print_(CAMPAIGN, SCHOOL, path, by=by, face=face)
    data = json.loads(capsys.readouterr().out)
    assert (data["printed"], data["left_out"]) == (3, {"CODED": 1})
    assert not CODE.search(cells(path)[1])
    assert (await states(ledger))["1 gdn_000001 choice_notice"] == "cleared"
    assert (tmp_path / "gateway.key").exists() is keyed


async def test_a_name_of_another_kind_of_file_is_refused_before_anything_is_marked(ledger, face, tmp_path):
    """It is a workbook that is written, and nothing opens one under the name of something else."""
    before = await states(ledger)
    for name in ("letters.pdf", "letters", "letters.xls"):
        with pytest.raises(Failure) as caught:
            await command.print_(CAMPAIGN, SCHOOL, tmp_path / name, by="stf_principal", face=face)
        assert (caught.value.exit_code, caught.value.code) == (2, "FILE_NOT_XLSX")
        assert not (tmp_path / name).exists()
    assert await states(ledger) == before


async def test_whoever_calls_reads_when_not_to_ring(folder, face, capsys, tmp_path):
    """The quiet hours of the policy in force, beside calls; a letter rings nobody."""
    await command.tasks(CAMPAIGN, by="stf_principal", face=face)
    assert json.loads(capsys.readouterr().out)["quiet"] == {"from": "21:30", "until": "07:30"}
    told = "21:30 至次日 07:30 请勿打电话"
    for channel, seen in ((None, True), (PHONE, True), (PAPER, False)):
        await command.tasks(CAMPAIGN, channel=channel, by="stf_principal", face=Face(data=tmp_path))
        assert (told in capsys.readouterr().out) == seen


@pytest.mark.parametrize(("left_out", "said"), [({}, True), ({"CODED": 21}, False)])
def test_letters_that_are_left_out_are_letters(left_out, said):
    """Where some wait for a code of their own it is not said that none waits; the reason stands in words."""
    data = {"file": None, "printed": 0, "left_out": left_out}
    told = str(command._printed(data))
    assert ("没有待打印的信件" in told) == said
    assert all(CODES[code]["zh"] in told for code in left_out)
