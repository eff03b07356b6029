"""Cases on the command line: complaints that are cases, holds, decisions, appeals, and notes that open a case."""

import asyncio
import json

import pytest
from cli_machine_rooms import Machines, desk
from stream_samples import CAMPAIGN, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, person, running_county

from domain.actors import Role
from domain.complaint_rules import made_by
from registry.database import load_pepper
from registry.store import Registry

DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
AUDITOR = person("auditor", Role.AUDITOR, "bureau")
BY_OWNER = ("--by", DISCIPLINE.id)
WORDS = "他们催我签字"
WAIVER = "家长已签放弃中考承诺书"


@pytest.fixture
def county():
    """A campaign of this release, whose identification is open."""
    return running_county(release=3).to("2025-11-04 09:00")


@pytest.fixture
async def house(monkeypatch, capsys, tmp_path, county):
    """The desk of its school; what a command leads to is carried before it returns, as the engine does."""
    house = await desk(monkeypatch, capsys, tmp_path, *county.streams.values(), people=(DISCIPLINE, AUDITOR))
    submit = Machines.submit

    async def carried(self, stream, command):
        answer = await submit(self, stream, command)
        county.settle()
        self.streams.update(county.streams)
        return answer

    monkeypatch.setattr(Machines, "submit", carried)
    return house


def complained(house, *more, about=SCHOOL, matter="pressure"):
    """Complain and return the case."""
    told = house("complain", CAMPAIGN, "--about", about, "--matter", matter, *more)
    assert told.code == 0, told
    return told.json["complaint"]


def case_of(county, name):
    """Return the stream of a case."""
    return county[f"compliance/{name}"]


def done(house, command, case, *more, by=DISCIPLINE, reason="SEEN"):
    """Do something in a case that goes through."""
    told = house("compliance", command, CAMPAIGN, case, *more, "--by", by.id, "--reason", reason)
    assert told.code == 0, told
    return told.json


def notes(house):
    """Return the texts that the registry keeps, by reference."""

    async def kept(ref):
        url = f"sqlite+aiosqlite:///{house.folder / 'registry.db'}"
        registry = await Registry.open(url, load_pepper(house.folder / "pepper"))
        try:
            return await registry.note_text(ref)
        finally:
            await registry.close()

    return lambda ref: asyncio.run(kept(ref))


# -- complaints that are cases ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "event", "status"),
    [
        ("upheld", "ViolationConfirmed", "confirmed"),
        ("not_upheld", "ViolationDismissed", "closed"),
        ("referred", "ReferredToDiscipline", "referred"),
    ],
)
def test_a_complaint_is_answered_and_decided_with_the_same_words(house, county, outcome, event, status):
    """`complain acknowledge` and `decide` reach the case; what was complained of is what is confirmed."""
    complaint = complained(house)
    assert house("complain", "acknowledge", CAMPAIGN, complaint, "--by", OFFICER.id).code == 5
    assert house("complain", "acknowledge", CAMPAIGN, complaint, *BY_OWNER).code == 0
    decide = ("complain", "decide", CAMPAIGN, complaint, outcome, *BY_OWNER)
    assert house(*decide).json["refused"]["code"] == "REASON_REQUIRED"
    assert house(*decide, "--reason", "HEARD_BOTH").code == 0
    found = case_of(county, complaint).last(event)["data"]
    assert case_of(county, complaint).state.status == status
    if outcome == "upheld":
        assert (found["violation"], found["school"]) == ("PRESSURE", SCHOOL)
    if status == "closed":
        assert house(*decide, "--reason", "AGAIN").json["refused"]["code"] == "CASE_CLOSED"


def test_only_the_owner_reads_the_words_and_every_reading_is_on_record(house, county):
    """INV-32: the school, the bureau and the other office do not; a named complainant stands in the registry alone."""
    complaint = complained(house, "--note", WORDS, "--by", HEAD.id)
    for who in (PRINCIPAL, OFFICER, AUDITOR):
        told = house("complain", "read", CAMPAIGN, complaint, "--by", who.id)
        assert told.code == 5
        assert WORDS not in told.out + told.err
    assert "NoteRead" not in case_of(county, complaint).names()
    told = house("complain", "read", CAMPAIGN, complaint, *BY_OWNER)
    assert (told.code, len(told.json["notes"])) == (0, 1)
    assert told.json["notes"][0]["text"].splitlines() == [f"投诉人：{HEAD.id}", WORDS]
    assert case_of(county, complaint).names().count("NoteRead") == 1
    record = "".join(str(stream.ledger) for stream in county.streams.values())
    assert WORDS not in record
    assert HEAD.id not in record


def test_whoever_complained_does_not_handle_the_case_and_no_file_says_who_it_was(house, county):
    """INV-32: the ledger, the board and what the engine is given name nobody; the attempt leaves no trace either."""
    given = []
    taken = Machines.submit

    async def kept(self, stream, command):
        given.append(command)
        return await taken(self, stream, command)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Machines, "submit", kept)
        complaint = complained(house, "--by", DISCIPLINE.id)
    assert DISCIPLINE.id not in json.dumps(given)
    case = case_of(county, complaint)
    assert case.state.owners == ["auditor"]
    case.state.owners.append("discipline_officer")  # as after a day that the auditor let pass
    written = len(case.ledger)
    own = house("complain", "acknowledge", CAMPAIGN, complaint, *BY_OWNER)
    assert (own.code, own.json["refused"]["code"]) == (5, "COMPLAINT_YOUR_OWN")
    assert house("complain", "read", CAMPAIGN, complaint, *BY_OWNER).json["refused"]["code"] == "COMPLAINT_YOUR_OWN"
    assert len(case.ledger) == written
    assert house("complain", "acknowledge", CAMPAIGN, complaint, "--by", AUDITOR.id).code == 0
    record = json.dumps([stream.ledger for stream in county.streams.values()], default=str)
    assert not any(digest in record for digest in made_by(complaint, DISCIPLINE))
    assert case.state.made_by[0] in record


@pytest.mark.parametrize(("who", "reported"), [(PRINCIPAL, True), (HEAD, False)])
def test_a_principal_who_reports_the_own_school_says_so(house, county, who, reported):
    """Edge 27: it mitigates, so it is on record; of anybody else nothing is."""
    assert case_of(county, complained(house, "--by", who.id)).state.self_reported is reported


def test_a_complaint_is_taken_back_by_whoever_made_it_and_goes_on(house, county):
    """Edge 26: an unnamed one by its reference, a named one by its maker only."""
    named = complained(house, "--by", HEAD.id)
    refused = house("complain", "withdraw", CAMPAIGN, named, "--by", PRINCIPAL.id)
    assert refused.json["refused"]["code"] == "COMPLAINT_NOT_YOURS"
    assert house("complain", "withdraw", CAMPAIGN, named, "--by", HEAD.id).code == 0
    unnamed = complained(house, "--command-id", "letter-2")
    assert house("complain", "withdraw", CAMPAIGN, unnamed).code == 0
    assert {case_of(county, case).state.status for case in (named, unnamed)} == {"open"}


def test_a_case_that_is_not_there_is_not_found(house):
    """Wrong reference: exit code 4 and where to look."""
    for words in (
        ("complain", "read", CAMPAIGN, "c-9", *BY_OWNER),
        ("compliance", "show", CAMPAIGN, "c-9", *BY_OWNER),
        ("compliance", "dismiss", CAMPAIGN, "c-9", *BY_OWNER, "--reason", "X_Y"),
    ):
        told = house(*words)
        assert (told.code, told.json["error"]["code"]) == (4, "CASE_UNKNOWN")
    unknown = house("complain", "acknowledge", CAMPAIGN, "c-9", *BY_OWNER)
    assert unknown.json["refused"]["code"] == "COMPLAINT_UNKNOWN"


# -- cases --------------------------------------------------------------------------------------------------------


def test_a_case_from_its_investigation_to_a_won_appeal(house, county):
    """Each command of the table; the campaign has the hold while it lasts, and nothing of the violation at the end."""
    case = complained(house)
    done(house, "investigate", case)
    held = done(house, "hold", case, "student", "--school", SCHOOL, "--student", A)
    assert held["case"] == case
    assert list(county.campaign.state.holds.open) == [f"{case}-h1"]
    done(house, "extend", case)
    again = house("compliance", "extend", CAMPAIGN, case, *BY_OWNER, "--reason", "MORE")
    assert again.json["refused"]["code"] == "CASE_EXTENDED"
    done(house, "release", case, f"{case}-h1")
    done(house, "confirm", case, "forged_consent", "--school", SCHOOL, "--class", "2023-01", "--student", A)
    assert county.campaign.state.holds.violations[case].students == (A,)
    done(house, "appeal", case, by=PRINCIPAL, reason="UNTRUE")
    own = house("compliance", "appeal", CAMPAIGN, case, "--outcome", "rejected", *BY_OWNER, "--reason", "X_Y")
    assert own.json["refused"]["code"] == "SELF_APPROVAL"
    shown = house("compliance", "show", CAMPAIGN, case, "--by", AUDITOR.id).json
    assert (shown["status"], shown["violation"]["violation"]) == ("appealed", "FORGED_CONSENT")
    assert len(shown["steps"]) == len(case_of(county, case).ledger)
    done(house, "appeal", case, "--outcome", "granted", by=AUDITOR, reason="MISREAD")
    assert county.campaign.state.holds.violations == {}
    [line] = house("compliance", "list", CAMPAIGN, "--by", AUDITOR.id).json["cases"]
    assert (line["status"], line["outcome"]) == ("closed", "DISMISSED")


def test_a_suspicion_is_reported_referred_and_closed(house, county):
    """Without a complaint; the other office owns it."""
    words = ("compliance", "report", CAMPAIGN, "--about", SCHOOL, "--matter", "unregistered_visit", "--by", AUDITOR.id)
    told = house(*words, "--command-id", "seen-1")
    assert told.code == 0, told
    assert house(*words, "--command-id", "seen-1").json["case"] == told.json["case"]
    case = told.json["case"]
    done(house, "refer", case)
    done(house, "close", case)
    assert case_of(county, case).state.outcome == "REFERRED"


@pytest.mark.parametrize("who", [HEAD, PRINCIPAL, OFFICER])
def test_the_unit_complained_of_reads_no_case(house, who):
    """INV-32: neither the list nor one case, for the school and for the bureau's own officers."""
    case = complained(house)
    for words in (("list", CAMPAIGN), ("show", CAMPAIGN, case)):
        told = house("compliance", *words, "--by", who.id)
        assert (told.code, told.json["refused"]["code"]) == (5, "ROLE_NOT_ALLOWED")


def test_a_hold_without_its_place_is_wrong_usage(house):
    """Said before anything is written."""
    case = complained(house)
    for scope in ("student", "class", "school"):
        told = house("compliance", "hold", CAMPAIGN, case, scope, *BY_OWNER, "--reason", "X_Y")
        assert (told.code, told.json["error"]["code"]) == (2, "PLACE_MISSING")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_people_read_a_case_in_their_language(house, lang):
    """The table and the steps, without a bare code of the status."""
    case = complained(house)
    for words in (("list", CAMPAIGN), ("show", CAMPAIGN, case)):
        told = house.readable("compliance", *words, *BY_OWNER, "--lang", lang)
        assert told.code == 0, told
        assert case in told.out


# -- notes that read like giving up the examination ---------------------------------------------------------------


def test_a_note_that_reads_like_a_waiver_opens_a_case_and_stops_nothing(house, county):
    """INV-03: the command goes through, the note is kept, the auditor's office looks at it once."""
    command = ("stage", "freeze", "@", "--by", PRINCIPAL.id, "--note", WAIVER, "--command-id", "freeze-1")
    for _ in range(2):
        told = house(*command)
        assert told.code in (0, 5), told
        assert "w-" in told.err
    [name] = [name for name in county.campaign.state.holds.cases if name.startswith("w-")]
    case = case_of(county, name)
    assert (case.state.matter, case.state.about) == ("EXAM_WAIVER", SCHOOL)
    assert notes(house)(case.state.notes[0]) == WAIVER
    assert WAIVER not in json.dumps([stream.ledger for stream in county.streams.values()], ensure_ascii=False)
    assert PRINCIPAL.id not in str(case.ledger)
    told = house("complain", "read", CAMPAIGN, name, *BY_OWNER)
    assert told.json["notes"][0]["text"] == WAIVER


def test_an_ordinary_note_and_a_complaint_about_a_waiver_flag_nothing(house, county):
    """A complaint is a case already, whose owner reads it."""
    house("stage", "freeze", "@", "--by", PRINCIPAL.id, "--note", "名单已核对")
    complained(house, "--note", WAIVER, "--by", HEAD.id)
    assert [name for name in county.campaign.state.holds.cases if name.startswith("w-")] == []
