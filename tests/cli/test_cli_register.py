"""Departures, people, complaints and the calendar on the command line; and decisions that some pupils refuse."""

import asyncio

import pytest
from cli_machine_rooms import desk
from stream_samples import (
    CALENDAR,
    CALENDAR_2025,
    CAMPAIGN,
    GRADE,
    HEAD,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    A,
    B,
    C,
    person,
    running_county,
)

from domain.actors import Role
from registry.database import load_pepper
from registry.store import Registry

DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
REGISTRAR = person("registrar", Role.REGISTER_OFFICER, "bureau")
IDENTIFICATION = f"{SCHOOL}/identification"


@pytest.fixture
def county():
    """A campaign whose identification is open, on a calendar that ends with its first year."""
    return running_county(calendar=CALENDAR_2025.model_dump(mode="json")).to("2025-11-04 09:00")


@pytest.fixture
async def house(monkeypatch, capsys, tmp_path, county):
    """The desk of its school."""
    return await desk(monkeypatch, capsys, tmp_path, *county.streams.values(), people=(DISCIPLINE,))


def held(house):
    """Return the staff that the registry holds, by reference."""
    return asyncio.run(_held(house))


async def _held(house):
    url = f"sqlite+aiosqlite:///{house.folder / 'registry.db'}"
    registry = await Registry.open(url, load_pepper(house.folder / "pepper"))
    found = {member.staff_ref: member for member in await registry.staff(CAMPAIGN)}
    await registry.close()
    return found


# -- departures -------------------------------------------------------------------------------------------------


def test_a_departure_reaches_every_stage(house, county):
    """One by `exits`, more by a list on the school's own stream; the template then leaves them out."""
    one = house("exits", "@", A, "转学", "--on", "2025-11-03", "--by", PRINCIPAL.id)
    assert one.code == 0, one
    assert one.json["receipt"]["stream"] == f"{CAMPAIGN}/{SCHOOL}"
    rows = [row["student"] for row in house.template("exits")[1]]
    assert A not in rows
    assert len(rows) == 5
    answers = {B: {"kind": "去世", "on": "2025-11-02"}, C: {"kind": "abroad", "on": "2025/11/1"}}
    told = house("record", "exits", house.filled("exits", answers), "@", "--by", PRINCIPAL.id)
    assert (told.code, told.json["rows"], told.json["blank"]) == (0, 2, 3)
    county.settle()
    assert county[IDENTIFICATION].state.left == {A: "transfer", B: "death", C: "abroad"}


@pytest.fixture
def watched():
    """A campaign of today's release, whose departures are the register office's."""
    return running_county(release=3).to("2025-11-04 09:00")


@pytest.fixture
async def watched_house(monkeypatch, capsys, tmp_path, watched):
    """The desk of its school, with somebody of the register office."""
    return await desk(monkeypatch, capsys, tmp_path, *watched.streams.values(), people=(REGISTRAR,))


def test_a_school_records_no_departure_but_a_death(watched_house, watched):
    """R-05: the register office looks for the receiving school; the sentence says what the school does meanwhile."""
    moved = ("exits", "@", A, "transfer", "--on", "2025-11-03", "--by")
    refused = watched_house(*moved, PRINCIPAL.id)
    assert (refused.code, refused.json["refused"]["code"]) == (5, "EXIT_NEEDS_REGISTER")
    assert "学籍办" in refused.json["refused"]["message"]
    assert watched_house(*moved, REGISTRAR.id).code == 0
    assert watched_house("exits", "@", B, "death", "--on", "2025-11-03", "--by", PRINCIPAL.id).code == 0
    watched.settle()
    assert watched[IDENTIFICATION].state.left == {A: "transfer", B: "death"}


def test_a_departure_that_cannot_be_is_refused(house):
    """Twice the same pupil, and a word that is no kind of departure."""
    words = ("exits", "@", A, "transfer", "--on", "2025-11-03", "--by", PRINCIPAL.id)
    assert house(*words).code == 0
    again = house(*words)
    assert (again.code, again.json["refused"]["code"]) == (5, "STUDENT_LEFT")
    wrong = house("exits", "@", A, "毕业", "--on", "2025-11-03", "--by", PRINCIPAL.id)
    assert (wrong.code, wrong.json["error"]["code"], wrong.json["error"]["place"]) == (2, "VALUE_INVALID", "KIND")


# -- complaints ---------------------------------------------------------------------------------------------------


def test_a_complaint_without_a_name_is_answered_by_its_owner(house, county):
    """Received, acknowledged, decided with a reason; the words stay in the registry, a retry is the same complaint."""
    complain = ("complain", CAMPAIGN, "--about", SCHOOL, "--matter", "pressure", "--note", "他们催我签字")
    told = house(*complain, "--command-id", "letter-1")
    again = house(*complain, "--command-id", "letter-1")
    assert told.code == again.code == 0, told
    assert told.json["receipt"] == again.json["receipt"]
    recorded = county.campaign.last("ComplaintReceived")
    assert (recorded["actor"]["id"], recorded["data"]["about"]) == ("anonymous", SCHOOL)
    assert "催" not in str(county.campaign.ledger)
    complaint = told.json["complaint"]
    owner = ("--by", DISCIPLINE.id)
    assert house("complain", "acknowledge", CAMPAIGN, complaint, "--by", OFFICER.id).code == 5
    assert house("complain", "acknowledge", CAMPAIGN, complaint, *owner).code == 0
    unsaid = house("complain", "decide", CAMPAIGN, complaint, "upheld", *owner)
    assert unsaid.json["refused"]["code"] == "REASON_REQUIRED"
    assert house("complain", "decide", CAMPAIGN, complaint, "upheld", *owner, "--reason", "HEARD_BOTH").code == 0
    assert county.campaign.last("ComplaintDecided")["data"]["outcome"] == "UPHELD"


def test_a_complaint_with_a_name_and_with_a_malformed_id(house, county):
    """Whoever gives a reference stands in the record; a malformed command id is wrong usage for everybody."""
    words = ("complain", CAMPAIGN, "--about", "bureau", "--matter", "data")
    assert house(*words, "--by", HEAD.id).code == 0
    assert county.campaign.last("ComplaintReceived")["actor"]["id"] == HEAD.id
    told = house(*words, "--command-id", "a b")
    assert (told.code, told.json["error"]["code"]) == (2, "COMMAND_ID_INVALID")


# -- the calendar -------------------------------------------------------------------------------------------------


def test_a_published_year_is_counted_by_and_the_same_command_is_the_same(house, county):
    """The year after comes from what the state has published; a retry gives the same receipt, a new id nothing new."""
    words = ("calendar", "publish", CAMPAIGN, "--by", OFFICER.id)
    told = house(*words, "--command-id", "cal-1")
    again = house(*words, "--command-id", "cal-1")
    assert told.code == again.code == 0, told
    assert told.json["receipt"] == again.json["receipt"]
    published = county.campaign.last("CalendarPublished")["data"]
    assert published["calendar"]["version"] == 2
    assert published["added_years"]
    assert set(published["added_years"]) <= set(CALENDAR.years) | {2027}
    assert house(*words).json["refused"]["code"] == "CALENDAR_NOT_NEWER"


# -- people -------------------------------------------------------------------------------------------------------


def test_a_list_of_staff_is_shown_then_taken(house, county):
    """Without --commit nothing changes; with it the record holds the digest, the registry the people."""
    header = ["staff_ref", "role", "school", "classes", "name", "email"]
    people = [
        [HEAD.id, "class_head", SCHOOL, "2023-01", "例云班", "head@example.org"],
        [PRINCIPAL.id, "principal", SCHOOL, "", "例云校", "head@example.org"],
        [OFFICER.id, "bureau_officer", "", "", "例云局", ""],
        ["stf_fresh", "bureau_approver", "", "", "例云批", ""],
    ]
    file = house.file("staff.csv", header, *people)
    before = len(county.campaign.ledger)
    shown = house("staff", "import", file, CAMPAIGN, "--by", OFFICER.id)
    assert (shown.code, shown.json["committed"], shown.json["added"]) == (0, False, ["stf_fresh"]), shown
    assert set(shown.json["removed"]) == {GRADE.id, DISCIPLINE.id}
    assert len(county.campaign.ledger) == before
    taken = house("staff", "import", file, CAMPAIGN, "--by", OFFICER.id, "--commit")
    assert (taken.code, taken.json["committed"]) == (0, True), taken
    recorded = county.campaign.last("StaffListImported")["data"]
    assert (recorded["added"], recorded["removed"]) == (1, 2)
    assert "例云" not in taken.out + shown.out + str(county.campaign.ledger)
    assert set(held(house)) == {row[0] for row in people}
    again = house("staff", "import", file, CAMPAIGN, "--by", OFFICER.id, "--commit")
    assert (again.code, again.json["committed"]) == (0, False)


def test_one_person_follows_another(house, county):
    """The role goes over with its school; a second try of the same command is the same, a taken reference is usage."""
    words = ("staff", "replace", CAMPAIGN, HEAD.id, "stf_next1", "--name", "例云新", "--on", "2025-11-05")
    said = ("--by", PRINCIPAL.id, "--reason", "MOVED_AWAY", "--command-id", "follow-1")
    taken = house(*words[:4], GRADE.id, *words[5:], *said)
    assert (taken.code, taken.json["error"]["code"]) == (2, "STAFF_REF_TAKEN")
    unsaid = house(*words, "--by", PRINCIPAL.id)
    assert unsaid.json["refused"]["code"] == "REASON_REQUIRED"
    told = house(*words, *said)
    again = house(*words, *said)
    assert told.code == again.code == 0, told
    assert told.json["receipt"] == again.json["receipt"]
    found = held(house)
    assert HEAD.id not in found
    assert (found["stf_next1"].role, found["stf_next1"].name) == ("class_head", "例云新")
    assert "例云" not in str(county[SCHOOL].ledger)
    nobody = house("staff", "replace", CAMPAIGN, OFFICER.id, "stf_next2", *words[5:], *said[:2])
    assert (nobody.code, nobody.json["error"]["place"]) == (4, "LEAVING")


# -- decisions that some pupils refuse ----------------------------------------------------------------------------


def test_a_confirmation_says_which_pupils_need_a_person(house, county):
    """Unknown data among the confirmed: the rows are named, and --partial takes the others, also when sent again."""
    stage = county[IDENTIFICATION]
    unknown = [student for student, case in stage.state.pupils.items() if case.code == "DATA_UNKNOWN"]
    assert unknown
    due = [row["student"] for row in house.template("decisions")[1]]
    assert set(due) == set(stage.state.pupils)
    sheet = house.filled("decisions", {student: {"decision": "确认"} for student in due})
    told = house("record", "decisions", sheet, "@", "--by", HEAD.id)
    assert told.code == 5
    rows = {due.index(student) + 2 for student in unknown}
    assert {(row["row"], row["code"]) for row in told.json["refused"]} == {
        (row, "DATA_UNKNOWN_NEEDS_HELP") for row in rows
    }
    partial = ("record", "decisions", sheet, "@", "--by", HEAD.id, "--partial", "--command-id", "half")
    first, second = house(*partial), house(*partial)
    assert first.code == second.code == 0, first
    assert first.json["receipt"] == second.json["receipt"]
    assert first.json["rows"] == len(due) - len(unknown)
    assert {row["student"] for row in house.template("decisions")[1]} == set(unknown)


def test_an_exclusion_without_a_reason_names_its_row(house):
    """The reason is a column: the row that lacks it is named."""
    header = ["student", "decision", "reason"]
    file = house.file("x.csv", header, [A, "排除", "LOOKED_AT"], [B, "排除", ""])
    told = house("record", "decisions", file, "@", "--by", HEAD.id)
    assert told.code == 5
    assert [(row["row"], row["code"]) for row in told.json["refused"]] == [(3, "REASON_REQUIRED")]
