"""`audit events|diff|what-if|archive`, and `close` where a history is missing: what they answer, and to whom."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_in_process import command_line

sys.path.append(str(Path(__file__).parents[1] / "audit"))  # for the year without an engine
from audit_kernel_year import kernel_year

from audit.archive_gaps import ArchiveReport, MissingHistory
from audit.figures import figures
from audit.what_if import QUESTIONS
from cli.audit_diff import FIGURES
from cli.audit_what_if import QUESTIONS as NAMES
from cli.rooms import Rooms
from domain.dropout_rates import DropoutCount
from domain.policy import PROFILES
from domain.settlement import ClassCount
from domain.stream import Answer, Receipt
from registry.database import load_pepper
from registry.store import Registry

ENGINE_AWAY = 6
NO_EVENT = hashlib.sha256(b'{"events":[],"settlement":null,"streams":[]}').hexdigest()
NO_ANSWER = hashlib.sha256(b'{"answers":[],"county":[],"schools":[]}').hexdigest()


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    """A finished year of one school and twelve pupils, with the people who acted in it."""
    folder = tmp_path_factory.mktemp("questions")
    (folder / "pepper").write_bytes(b"p" * 32)
    return asyncio.run(kernel_year(folder, 1, 12))


@pytest.fixture(scope="module")
def people(year):
    """A reference of each role."""

    async def read():
        registry = await Registry.open(
            f"sqlite+aiosqlite:///{year.directory / 'registry.db'}", load_pepper(year.directory / "pepper")
        )
        staff = await registry.staff(year.campaign)
        await registry.close()
        return {member.role: member.staff_ref for member in staff}

    return asyncio.run(read())


@pytest.fixture
def speak(monkeypatch):
    """Let this process speak a language, which a process of its own takes from its arguments."""

    def spoken(lang):
        for module in ("language", "audit", "audit_diff", "audit_export", "audit_process", "audit_what_if"):
            monkeypatch.setattr(f"cli.{module}.LANG", lang)

    return spoken


@pytest.fixture
def ask(year, monkeypatch, capsys, speak):
    """Run a command over the year and take its JSON; `@` stands for the campaign."""
    run = command_line(monkeypatch, capsys)

    def asked(*words, lang="en", as_json=True):
        speak(lang)
        given = [year.campaign if word == "@" else word for word in words]
        where = () if "--data" in words else ("--data", year.directory)
        return run("audit", *given, *where, *(["--json"] if as_json else []))

    return asked


def code(told):
    """Return the exit code, and the code of the error or refusal."""
    said = told.json.get("error") or told.json.get("refused")
    return told.code, said["code"]


# -- events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["cloudevents", "prov", "csv"])
def test_the_events_are_written_and_the_digest_is_the_files(ask, year, tmp_path, form):
    """Every event of the ledger; nobody's name; the same again is the same, and nothing is written over."""
    told = ask("events", "@", tmp_path / "one", "--format", form)
    assert told.code == 0, told.out
    content = (tmp_path / "one").read_bytes()
    assert told.json["digest"] == hashlib.sha256(content).hexdigest()
    assert (told.json["events"], told.json["streams"]) == (len(year.events), len(year.streams))
    assert year.names
    assert not [name for name in year.names if name in content.decode()]
    assert ask("events", "@", tmp_path / "two", "--format", form).json["digest"] == told.json["digest"]
    assert code(ask("events", "@", tmp_path / "one", "--format", form)) == (3, "FILE_EXISTS")
    assert (tmp_path / "one").read_bytes() == content


def test_the_table_is_in_the_readers_language(ask, year, tmp_path):
    """Titles and sentences; one school has fewer rows than the county."""
    rows = {}
    for lang in ("zh", "en"):
        told = ask("events", "@", tmp_path / lang, "--format", "csv", lang=lang, as_json=False)
        assert told.code == 0
        text = (tmp_path / lang).read_text("utf-8-sig")
        rows[lang] = list(csv.reader(io.StringIO(text, newline="")))
    assert rows["en"][0][0] == "event"
    school = next(stream.split("/")[3] for stream in year.streams if stream.count("/") > 2)
    own = ask("events", "@", tmp_path / "school", "--format", "csv", "--school", school).json
    assert 0 < own["events"] < len(year.events)


def test_a_place_that_cannot_be_written_and_a_wrong_name_are_said(ask, tmp_path):
    """A missing folder, a format that is none, a school that is none."""
    assert code(ask("events", "@", tmp_path / "no" / "file", "--format", "csv")) == (3, "FILE_UNREADABLE")
    assert code(ask("events", "@", tmp_path / "file", "--format", "xml")) == (2, "ARGUMENT_INVALID")
    assert code(ask("events", "@", tmp_path / "file")) == (2, "ARGUMENT_MISSING")
    assert code(ask("events", "@", tmp_path / "file", "--format", "csv", "--school", "x")) == (4, "SCHOOL_UNKNOWN")
    assert code(ask("events", "campaign/no/2025", tmp_path / "file", "--format", "csv"))[0] == 4
    assert list(tmp_path.iterdir()) == []


# -- diff -------------------------------------------------------------------------------------------------------------


def test_a_moment_and_itself_differ_in_nothing(ask):
    """Byte for byte: the digest is that of no difference."""
    told = ask("diff", "@", "2025-05-20", "2025-05-20").json
    assert (told["digest"], told["events"], told["streams"], told["settlement"]) == (NO_EVENT, [], [], None)
    assert "Nothing was recorded" in ask("diff", "@", "2025-05-20", "2025-05-20", as_json=False).out
    assert "没有变化" in ask("diff", "@", "2025-05-20", "2025-05-20", lang="zh", as_json=False).out


def test_what_changed_between_two_moments(ask, year, people):
    """All events are gained from before the year to after it; figures only for who may see them."""
    told = ask("diff", "@", "2020-01-01", "2030-01-01", "--by", people["auditor"])
    assert told.code == 0, told.out
    assert sum(row["gained"] for row in told.json["events"]) == len(year.events)
    assert told.json["settlement"]["schools"]
    assert (told.json["from"], told.json["to"]) == ("2020-01-02T00:00:00.000+08:00", "2030-01-02T00:00:00.000+08:00")
    text = ask("diff", "@", "2025-05-20", "2025-06-20", "--by", people["auditor"], as_json=False).out
    assert "application filing" in text


def test_what_changed_of_one_pupil(ask, year, people):
    """The pupil's own events, each by its id; figures are the county's, and a name is no reference."""
    student = next(one["data"]["student"] for one in year.events if one["type"] == "RegistrationVerified")
    ends = ("2020-01-01", "2030-01-01")
    told = ask("diff", "@", *ends, "--student", student).json
    assert {row["event"] for row in told["told"]} <= {f"{one['stream']}#{one['version']}" for one in year.events}
    assert "RegistrationVerified" in {row["type"] for row in told["told"]}
    assert {one["student"] for row in told["streams"] for one in row["pupils"]} == {student}
    text = ask("diff", "@", *ends, "--student", student, lang="zh", as_json=False).out
    assert "新增" in text
    assert code(ask("diff", "@", *ends, "--student", student, "--by", people["auditor"])) == (2, "DIFF_WHAT")
    assert code(ask("diff", "@", *ends, "--student", "Zhang San")) == (2, "STUDENT_INVALID")
    assert code(ask("diff", "@", *ends, "--student", "stu_00000000000000000000000000")) == (4, "STUDENT_UNKNOWN")


def test_moments_that_are_none_or_the_wrong_way_round_are_refused(ask, people):
    """Each with its place and what to write instead."""
    for words, place in ((("soon", "2025-05-20"), "TIME1"), (("2025-05-20", "2025-05-20T10:00"), "TIME2")):
        told = ask("diff", "@", *words)
        assert code(told) == (2, "TIME_INVALID")
        assert told.json["error"]["place"] == place
    assert code(ask("diff", "@", "2025-05-20", "2025-05-19")) == (2, "TIMES_REVERSED")
    both = ask("diff", "@", "2025-05-20", "2025-05-21", "--school", "9900010001", "--by", people["auditor"])
    assert code(both) == (2, "DIFF_WHAT")
    assert code(ask("diff", "@", "2025-05-20", "2025-05-21", "--by", "stf_nobody")) == (4, "STAFF_UNKNOWN")


# -- what if ----------------------------------------------------------------------------------------------------------


def test_the_same_rules_make_no_difference(ask, people, tmp_path):
    """The campaign's own, and a file that says what holds already: byte for byte nothing."""
    (tmp_path / "same.json").write_text('{"parameters": {"penalty": 0}}')
    for rules in (("--profile", "compliant"), ("--parameters", tmp_path / "same.json")):
        told = ask("what-if", "@", *rules, "--by", people["auditor"])
        assert told.code == 0, told.out
        assert (told.json["digest"], told.json["county"], told.json["schools"]) == (NO_ANSWER, [], [])
    shown = ask("what-if", "@", "--profile", "compliant", "--by", people["auditor"], lang="zh", as_json=False).out
    assert "没有差别" in shown


def test_the_historical_rules_are_told_by_school_with_their_stamp(ask, people):
    """Who watches over pressure sees every class; what is shown outside leaves small ones out, for others too."""
    legacy = ("what-if", "@", "--profile", "legacy", "--by")
    told = ask(*legacy, people["auditor"]).json
    assert told["other"]["stamp"] == "试算·不得发放"
    [school] = told["schools"]
    assert school["classes"]
    assert told["public"] is False
    for words in ((people["auditor"], "--public"), (people["bureau_officer"],)):
        outside = ask(*legacy, *words).json
        assert outside["public"] is True
        assert outside["schools"][0]["suppressed"] == [one["class"] for one in school["classes"]]
        assert outside["schools"][0]["classes"] == []
    for lang, word in (("zh", "不予显示"), ("en", "too few to be shown")):
        text = ask(*legacy, people["auditor"], "--public", lang=lang, as_json=False).out
        assert word in text
        assert "试算·不得发放" in text
        assert ("奖励（元）" if lang == "zh" else "reward (yuan)") in text


def test_another_rule_of_identification_is_asked_beside_the_marks(ask, people, year, tmp_path):
    """Who would newly be proposed and who no more, by reference and school; the rule of the record changes nothing."""
    by = ("--by", people["auditor"])
    model = ask_rule(year)
    (tmp_path / "same.json").write_text(json.dumps(model))
    same = ask("what-if", "@", "--rule", tmp_path / "same.json", *by).json
    assert (same["identified"]["schools"], same["identified"]["not_computable"]) == ([], [])
    proposed = [one for one in year.events if one["type"] == "HelpProposed"]
    assert same["identified"]["looked_at"] == len(proposed) > 0
    assert "identification" not in same["not_known"]
    (tmp_path / "strict.json").write_text(json.dumps({**model, "version": 9, "criteria": model["criteria"][:1]}))
    told = ask("what-if", "@", "--rule", tmp_path / "strict.json", *by)
    assert told.code == 0, told.out
    [school] = told.json["identified"]["schools"]
    groups = [row for name in ("identified", "dropped", "otherwise") for row in school[name]]
    held = {one["data"]["student"]: one["data"] for one in proposed}
    assert groups
    for row in groups:
        assert row["was"] == {"code": held[row["student"]]["code"], "help": held[row["student"]]["help"]}
        assert row["is"] != row["was"]
    assert not [name for name in year.names if name in told.out]
    outside = ask("what-if", "@", "--rule", tmp_path / "strict.json", *by, "--public").json["identified"]["schools"]
    assert "stu_" not in json.dumps(outside)
    assert "识别" in ask("what-if", "@", "--rule", tmp_path / "strict.json", *by, lang="zh", as_json=False).out


def ask_rule(year):
    """Return the rule that the campaign was drafted with."""
    return next(one["data"]["rule"] for one in year.events if one["type"] == "CampaignDrafted")


def test_facts_that_are_not_those_of_the_record_are_not_computed(ask, people, year, tmp_path, monkeypatch):
    """A mark that somebody changed in the registry since does not fit the proposal's commitment: named, not guessed."""
    facts = Registry.facts

    async def changed(self, snapshot):
        return tuple(replace(one, mark_tenths=1) for one in await facts(self, snapshot))[1:]

    monkeypatch.setattr(Registry, "facts", changed)
    (tmp_path / "same.json").write_text(json.dumps(ask_rule(year)))
    told = ask("what-if", "@", "--rule", tmp_path / "same.json", "--by", people["auditor"]).json["identified"]
    [school] = told["not_computable"]
    proposed = sum(one["type"] == "HelpProposed" for one in year.events)
    assert (school["forgotten"], school["differing"], told["looked_at"]) == (1, proposed - 1, 0)
    assert told["schools"] == []


def _file(folder, parameters):
    """Write parameters and return the file."""
    (folder / "parameters.json").write_text(json.dumps(parameters))
    return folder / "parameters.json"


def test_what_other_rules_would_have_said_is_told_by_school_and_reference(ask, people, tmp_path):
    """In time or late, held or sent; each with its rule; what cannot be known is said in both languages."""
    given = ("--parameters", _file(tmp_path, {"registration_deadline": "01-01"}), "--by", people["auditor"])
    told = ask("what-if", "@", *given)
    assert told.code == 0, told.out
    [answer] = told.json["answers"]
    assert (answer["question"], answer["rule"]) == ("registration", "P24, INV-11")
    assert {(row["was"], row["is"]) for row in answer["schools"][0]["changes"]} == {("IN_TIME", "LATE")}
    assert told.json["not_known"] == ["identification", "households", "consequences"]
    spoken = {"zh": ("学籍注册是否按期", "成绩只在人员库中"), "en": ("registration in time", "not judged")}
    for lang, words in spoken.items():
        text = ask("what-if", "@", *given, lang=lang, as_json=False).out
        assert all(word in text for word in words)
    outside = ask("what-if", "@", *given, "--public", as_json=False).out
    assert "too few to be shown" in outside
    assert "stu_" not in outside


def test_every_figure_and_question_has_a_name():
    """In both languages, whatever a settlement computes of county, school and class, and all that is judged again."""
    assert {question.name for question in QUESTIONS} == {*NAMES}
    losses = [DropoutCount(school="s", class_id="c", grade=9, size=9, lost=1, transfers_in=0, transfers_out=0)]
    classes = [ClassCount(school="s", class_id="c", quota=2, countable=1)]
    state = SimpleNamespace(holds=SimpleNamespace(violations={}))
    found = SimpleNamespace(classes=classes, dropout=losses, state=state)
    shown = figures(found, PROFILES["legacy"])
    rows = [shown.county, *shown.schools.values(), *shown.classes.values()]
    assert {name for row in rows for name in row} == {*FIGURES}


def test_before_the_cut_off_only_who_watches_over_pressure_may_ask(ask, people, monkeypatch):
    """DESIGN §10: until families can no longer be pressed, neither the bureau nor a school sees a figure."""
    monkeypatch.setattr("cli.settle_people.counting_cutoff", lambda _: date(2099, 12, 31))
    for role in ("auditor", "discipline_officer"):
        assert ask("what-if", "@", "--profile", "legacy", "--by", people[role]).code == 0
    for role in ("bureau_officer", "bureau_approver", "principal", "class_head"):
        for words in (("what-if", "@", "--profile", "legacy"), ("diff", "@", "2025-05-20", "2025-05-21")):
            assert code(ask(*words, "--by", people[role])) == (5, "ROLE_NOT_ALLOWED")


def test_rules_that_are_none_are_refused(ask, people, tmp_path):
    """None, two at once, a file that is missing or no table, a misspelt parameter, a moment before the campaign."""
    by = ("--by", people["auditor"])
    good, bad, odd = (tmp_path / name for name in ("good.json", "bad.json", "odd.toml"))
    good.write_text('{"penalty": 5}')
    bad.write_text("{")
    odd.write_text("penalti = 5")
    assert code(ask("what-if", "@", *by)) == (2, "WHAT_IF_RULES_INVALID")
    assert code(ask("what-if", "@", "--profile", "legacy", "--parameters", good, *by)) == (2, "WHAT_IF_RULES_INVALID")
    assert code(ask("what-if", "@", "--parameters", tmp_path / "no", *by)) == (3, "POLICY_FILE_MISSING")
    assert code(ask("what-if", "@", "--parameters", bad, *by)) == (3, "POLICY_FILE_INVALID")
    assert code(ask("what-if", "@", "--parameters", odd, *by)) == (5, "POLICY_PARAMETER_UNKNOWN")
    assert code(ask("what-if", "@", "--parameters", good, "--at", "then", *by)) == (2, "TIME_INVALID")
    assert code(ask("what-if", "@", "--parameters", good, "--at", "2020-01-01", *by)) == (5, "CAMPAIGN_NOT_APPROVED")
    assert code(ask("what-if", "@", "--profile", "legacy")) == (2, "ARGUMENT_MISSING")


# -- archive ----------------------------------------------------------------------------------------------------------


class Nothing:
    """An engine that knows no run."""

    def __init__(self, client=None):
        pass

    async def runs(self, campaign):
        """Return no run."""
        return [] if campaign else None

    async def latest(self, workflow):
        """Return no run."""
        return None if workflow else self


async def _connected(*_, **__):
    """Connect to nothing."""


async def _somewhere(_):
    """Return an address."""
    return "127.0.0.1:1"


def test_without_an_engine_nobody_can_say_what_is_lost(ask, year):
    """Exit 6 with what the archive tells by itself."""
    told = ask("archive", "@")
    assert code(told) == (ENGINE_AWAY, "ENGINE_UNREACHABLE")
    assert (told.json["histories"], told.json["added"]) == (0, 0)
    assert told.json["unreached"] + len(told.json["missing"]) == len(year.streams)


def test_what_neither_has_is_listed_and_is_no_success(ask, year, monkeypatch):
    """Exit 7; every stream by its id."""
    monkeypatch.setattr("cli.audit_archive.connect", _connected)
    monkeypatch.setattr("cli.audit_archive.EngineHistories", Nothing)
    monkeypatch.setattr(Rooms, "address", _somewhere)
    told = ask("archive", "@")
    assert told.code == 7
    assert told.json["missing"] == [{"workflow": stream, "run_id": None} for stream in sorted(year.streams)]
    assert {"campaign", "histories", "added", "missing"} <= told.json.keys()
    text = ask("archive", "@", lang="zh", as_json=False).out
    assert f"缺失 {len(year.streams)} 份" in text
    assert "运行编号未知" in text


# -- close ------------------------------------------------------------------------------------------------------------


class Closing:
    """A client whose campaign ends at once."""

    def __init__(self):
        self.closed = []
        self.sending = self
        self.heads = self
        self.ledger = self

    async def close_campaign(self, campaign, command, within):
        """Close."""
        self.closed.append((campaign, command["kind"], within))
        return Answer(receipt=Receipt(stream=campaign, first_version=9, last_version=9, hash="h")), True

    async def settle(self, campaign, within):
        """Tie the running day to the chain."""
        assert campaign
        assert within
        assert not self.closed, "its stream takes no news once it has ended"

    async def finish(self, campaign, within):
        """Let the last notices go."""
        assert campaign
        assert within

    async def board(self, campaign):
        """Return where the campaign stands."""
        return {campaign: {"status": "archived", "paused": False, "paused_schools": []}}


@pytest.fixture
def close(year, people, monkeypatch, capsys, speak):
    """Run `close` over a client whose archive lacks what is said, look by look."""
    run = command_line(monkeypatch, capsys)
    client = Closing()

    async def itself(_):
        return client

    def closed(*looks, lang="en", as_json=True, asked=True):
        speak(lang)
        waiting = list(looks)

        async def completed(rooms, campaign):
            missing = tuple(MissingHistory(workflow=f"{campaign}/x", run_id=run_id) for run_id in waiting.pop(0))
            counted = {"histories": 1, "added": 0, "running": 0, "unreached": 0}
            return ArchiveReport(campaign=campaign, missing=missing, **counted), asked and bool(rooms)

        monkeypatch.setattr(Rooms, "client", itself)
        monkeypatch.setattr("cli.holds.completed", completed)
        own = ("--by", people["bureau_officer"], "--reason", "YEAR_OVER", "--data", year.directory)
        return run("close", year.campaign, *own, *(["--json"] if as_json else []))

    closed.client = client
    return closed


def test_close_is_refused_while_a_history_is_missing(close):
    """Nothing is given to the campaign; exit 5 with the list, in both languages what to do."""
    told = close(["r1", "r2"])
    assert code(told) == (5, "ARCHIVE_INCOMPLETE")
    assert (told.json["accepted"], told.json["closed"], told.json["receipt"]) == (False, False, None)
    assert [one["run_id"] for one in told.json["missing"]] == ["r1", "r2"]
    assert close.client.closed == []
    assert "恢复" in close(["r1"], lang="zh", as_json=False).err
    text = close([f"r{number}" for number in range(30)], as_json=False).err
    assert "ARCHIVE_INCOMPLETE" in text
    assert "and 10 more" in text


def test_a_close_that_ends_with_a_gap_says_so(close):
    """What was lost while it was closing: the campaign is closed, and nobody takes that for a whole archive."""
    told = close([], ["r1"])
    assert code(told) == (5, "ARCHIVE_INCOMPLETE")
    assert (told.json["closed"], told.json["receipt"]["last_version"]) == (True, 9)
    assert len(close.client.closed) == 1


def test_a_close_with_a_whole_archive_is_done(close):
    """Looked at before and after."""
    told = close([], [])
    assert (told.code, told.json["accepted"], told.json["status"]) == (0, True, "archived")
    assert json.dumps(told.json["goes_on"]) == "[]"


def test_nothing_is_closed_where_no_engine_could_be_asked(close):
    """Who could not ask for what is missing does not know that nothing is."""
    told = close(["r1"], ["r1"], asked=False)
    assert told.code == 6
    assert close.client.closed == []


# -- for people -------------------------------------------------------------------------------------------------------

RAW = re.compile(r"(?<![\w#/])(?:[A-Z]{2,}(?:_[A-Z0-9]+)+|(?:[A-Z][a-z]+){2,}|[a-z]+(?:-[a-z]+)+|DRAWN)(?![\w#])")
"""A code, a type of event, a stage's slug: what programs read."""

SPOKEN = ("mid-term", "vocational-sch", "follow-up", "sign-off", "cooling-off", "cut-off", "call-backs", "trial-legacy")
"""Words with a hyphen, and the name that a run of the settlement was given."""


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "words",
    [
        ("as-of", "@", "2025-06-04"),
        ("diff", "@", "2025-01-01", "2026-06-20", "--by", "#"),
        ("anomalies", "@", "--by", "#", "--set", "calls=2"),
        ("sample", "@", "--by", "#", "--seed", "a public seed"),
        ("process", "@", "--backdate-days", "0"),
        ("what-if", "@", "--profile", "legacy", "--by", "#"),
        ("heads", "list", "@"),
        ("exports", "list", "@"),
        ("replay", "@"),
    ],
    ids=lambda words: words[0],
)
def test_a_person_reads_words_and_no_codes(ask, people, words, lang):
    """In both languages; the ids of events and the parameters' own names stay, since they are typed in again."""
    given = [people["auditor"] if word == "#" else word for word in words]
    told = ask(*given, lang=lang, as_json=False)
    text = re.sub(r"campaign/\S+|\S*_\S*[a-z0-9]", "", told.out)  # ids and names of parameters
    raw = [found for found in RAW.findall(text) if not found.startswith(SPOKEN)]
    assert told.out
    assert sorted(set(raw)) == []
    assert not re.search(r"/[a-z]+-[a-z]+", text)  # a stream's path


def test_a_refusal_names_who_may_and_how_to_act_as_one(ask, people, monkeypatch):
    """Who may today, in words, and the option; before the counting cut-off that is who watches over pressure alone."""
    for words in (("anomalies", "@"), ("sample", "@", "--seed", "12345678"), ("what-if", "@", "--profile", "legacy")):
        told = ask(*words, "--by", people["principal"], lang="zh")
        assert (told.code, told.json["refused"]["code"]) == (5, "ROLE_NOT_ALLOWED")
        assert all(role in told.json["refused"]["message"] for role in ("审计人员", "纪检人员", "县教育局经办人"))
        assert not re.search(r"[a-z]_[a-z]", told.json["refused"]["message"])
        assert "--by STAFF_REF" in told.json["refused"]["remedy"]
        assert "--by STAFF_REF" in ask(*words, "--by", people["principal"], as_json=False).err
    monkeypatch.setattr("cli.settle_people.counting_cutoff", lambda _: date(2099, 12, 31))
    told = ask("anomalies", "@", "--by", people["bureau_officer"])
    assert told.json["refused"]["message"].count("人员") == 2  # audit and discipline; the officer who asks is none
    assert ask("anomalies", "@", "--by", people["discipline_officer"]).code == 0


def test_an_export_does_not_lose_what_the_board_does_not_say(ask, year, tmp_path):
    """A line of the board that somebody removed takes no event out of a file for others."""
    whole = ask("events", "@", tmp_path / "whole", "--format", "csv").json
    folder = tmp_path / "copy"
    shutil.copytree(year.directory, folder)
    stream = next(name for name in year.streams if name.endswith("/identification"))
    with closing(sqlite3.connect(folder / "ledger.db")) as connection, connection:
        connection.execute("DELETE FROM boards WHERE stream = ?", (stream,))
    told = ask("events", "@", tmp_path / "part", "--format", "csv", "--data", folder).json
    assert (told["events"], told["digest"]) == (whole["events"], whole["digest"])


@pytest.mark.parametrize(("demo", "remedy"), [(False, "diversion up"), (True, "audit.zip")])
def test_nobody_is_sent_to_start_the_engine_of_a_demo(ask, year, tmp_path, demo, remedy):
    """`audit archive` without an engine: what would bring the histories, or where they are."""
    folder = tmp_path / "copy"
    shutil.copytree(year.directory, folder)
    if demo:
        (folder / ".demo").write_text("{}")
    told = ask("archive", "@", "--data", folder)
    assert (told.code, told.json["error"]["code"]) == (ENGINE_AWAY, "ENGINE_UNREACHABLE")
    assert remedy in told.json["error"]["remedy"]
    assert ("diversion up" in told.json["error"]["remedy"]) == (not demo)
