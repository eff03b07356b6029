"""The templates: complete in both languages, checked before anything is sent, and worded as a family may expect."""

from __future__ import annotations

import hashlib
import re
import shutil
import tomllib
from datetime import UTC
from pathlib import Path

import pytest
from notices_house import AT

from domain.time import instant
from domain.words import WORDS
from notices.catalogue import DIRECTORY, LANGUAGES, TemplateError, catalogue, digests, load
from notices.claims import CLAIMS
from notices.render import render

PURPOSES = catalogue().purposes
FAMILY = [purpose for purpose in PURPOSES if catalogue().find(purpose).audience != "staff"]

VALUES = {
    "text": "某校",
    "word": "parent-meetings",
    "count": 3,
    "instant": AT,
    "day": AT.date(),
    "flag": True,
    "blockers": [{"code": "SESSIONS_NOT_HELD", "count": 2}],
    "lines": ["〔one〕", "〔two〕"],
}
PUBLISHED = Path(__file__).with_name("published_notices.sha256")
ROOM = DIRECTORY.parent


def values(purpose):
    """Return a value for each variable of a purpose; a text is marked with its name, as far as its limit lets it."""
    template = catalogue().find(purpose)
    return {
        name: f"〔{name}〕"[: template.limits.get(name)] if kind == "text" else VALUES[kind]
        for name, kind in template.variables.items()
    }


def test_every_purpose_that_events_ask_for_has_a_template():
    """The purposes of this release, each with words of its own for the outbox's list."""
    assert PURPOSES == (
        "callback_overdue",
        "case_opened",
        "choice_information",
        "choice_notice",
        "choice_notice_pupil",
        "complaint_deadline_missed",
        "complaint_received",
        "consent_confirmed",
        "cooling_lengthened",
        "cooling_moved",
        "cooling_started",
        "document_superseded",
        "dropout_case_ended",
        "letters_missing",
        "meeting_cancelled",
        "meeting_invitation",
        "meeting_moved",
        "periodic_report_missed",
        "persuasion_overdue",
        "report_missed",
        "school_removed_from_list",
        "spring_returned",
        "staff_digest",
        "stage_escalation",
        "stage_reminder",
        "student_overdue",
        "visit_cancelled",
        "visit_invitation",
        "visit_moved",
        "withdrawal_reported",
        "written_report_overdue",
    )
    assert not [purpose for purpose in PURPOSES if purpose not in WORDS]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_variable_is_shown_and_nothing_of_the_source_is_left(purpose, lang):
    """Each text value stands in the rendered notice; no brace, no placeholder."""
    given = values(purpose)
    rendered = render(purpose, lang, given)
    whole = f"{rendered.subject}\n{rendered.text}\n{rendered.short}"
    assert rendered.template == catalogue().find(purpose).label
    assert "\n" not in rendered.subject
    assert (rendered.short is None) == (purpose not in FAMILY)
    assert not re.search(r"[{}]|Undefined", whole)
    for name, kind in catalogue().find(purpose).variables.items():
        if kind == "text":
            assert given[name] in whole


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("purpose", FAMILY)
def test_a_family_reads_where_to_complain_and_nothing_about_marks_or_diversion(purpose, lang):
    """DOMAIN §5.5: the complaint line is there; no word for diversion, marks or ranking."""
    rendered = render(purpose, lang, values(purpose))
    whole = f"{rendered.subject}\n{rendered.text}\n{rendered.short}".lower()
    assert "〔complaint_line〕" in rendered.text
    for word in ("分流", "成绩", "分数", "排名", "指标", "任务", "diversion", "divert", "score", "ranking", "quota"):
        assert word not in whole


@pytest.mark.parametrize("purpose", [purpose for purpose in PURPOSES if purpose not in FAMILY])
def test_a_notice_to_staff_has_no_place_for_a_person(purpose):
    """Counts, codes and references only (section 8)."""
    assert not {"pupil_name", "name", "phone", "answer_code"} & set(catalogue().find(purpose).variables)


def test_times_are_civil_times_of_the_county():
    """An instant in any zone is shown as the day and hour at which people meet."""
    given = values("meeting_invitation") | {"meeting_at": AT.astimezone(UTC)}
    assert "2025年3月10日（星期一）19:00" in render("meeting_invitation", "zh", given).text
    assert "Monday 10 March 2025, 19:00" in render("meeting_invitation", "en", given).text


def test_blockers_and_codes_become_words():
    """A reader never sees a code of ours."""
    rendered = render("stage_reminder", "zh", values("stage_reminder"))
    assert "- 2 场家长会尚未召开，请召开或改期" in rendered.text
    assert "“家长会”" in rendered.text


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"school": None}, "school is no text"),
        ({"school": " "}, "school is no text"),
        ({"pupil_name": "甲\r\nBcc: x@y.invalid"}, "pupil_name is no text"),
        ({"pupil_name": "甲\u2028乙"}, "pupil_name is no text"),
        ({"pupil_name": "甲\ud800乙"}, "pupil_name is no text"),
        ({"meeting_at": "2025-03-10"}, "meeting_at is no instant"),
        ({"meeting_at": instant("2025-03-10T19:00:00+08:00").replace(tzinfo=None)}, "meeting_at is no instant"),
        ({"marks": "512"}, "missing or unknown variables: marks"),
    ],
)
def test_values_that_do_not_fit_are_refused_without_being_repeated(change, problem):
    """Wrong type, a line break that would begin a header, one variable too many."""
    with pytest.raises(TemplateError) as caught:
        render("meeting_invitation", "zh", values("meeting_invitation") | change)
    assert str(caught.value) == f"meeting_invitation/2: {problem}"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"removed_on": AT}, "removed_on is no day"),
        ({"kept": "yes"}, "kept is no flag"),
        ({"kept": None}, "kept is no flag"),
    ],
)
def test_a_day_and_a_flag_are_nothing_else(change, problem):
    """A time is no day, and a word is no flag: whatever it says, it would be true."""
    with pytest.raises(TemplateError) as caught:
        render("school_removed_from_list", "zh", values("school_removed_from_list") | change)
    assert str(caught.value) == f"school_removed_from_list/2: {problem}"


def test_a_missing_value_is_refused():
    """Nothing is rendered with a hole in it."""
    given = values("meeting_invitation")
    del given["school"]
    with pytest.raises(TemplateError, match="missing or unknown variables: school"):
        render("meeting_invitation", "zh", given)


GOOD = (DIRECTORY / "meeting_invitation" / "2.toml").read_text(encoding="utf-8").replace("version = 2", "version = 1")
STAFF = (
    (DIRECTORY / "student_overdue" / "1.toml")
    .read_text(encoding="utf-8")
    .replace("student_overdue", "meeting_invitation")
)
SHORT = "参加家长会，不收费；"
BROKEN = {
    "a language is missing": (GOOD.partition("[en]")[0], "en: Field required"),
    "a text is missing": (GOOD.replace("text = ", "words = "), "en.text: Field required"),
    "undeclared": (GOOD.replace('school = "text"\n', ""), "zh: declared and used variables differ: school"),
    "unused": (GOOD.replace('school = "text"', 'school = "text"\nclass_id = "text"'), "variables differ: class_id"),
    "no complaint line": (
        GOOD.replace('complaint_line = "text"\n', "").replace("{{ complaint_line }}\n", ""),
        "zh: a notice to a family needs complaint_line",
    ),
    "a forbidden word": (GOOD.replace("升学选择", "分流"), "zh: not in a notice to a family: 分流"),
    "a forbidden word in the text message": (GOOD.replace(SHORT, "分流，"), "zh: not in a notice to a family: 分流"),
    "an unknown type": (GOOD.replace('"instant"', '"float"'), "variables.meeting_at"),
    "broken source": (
        GOOD.replace("{{ meeting_at }}", "{{ meeting_at "),
        "zh.subject: Value error, unexpected end of template",
    ),
    "no TOML": (GOOD.replace('purpose = "', "purpose = "), "Invalid value"),
    "another purpose": (GOOD.replace('"meeting_invitation"', '"meeting_cancelled"'), "holds meeting_cancelled/1"),
    "a calendar without an end": (GOOD.replace("minutes = 90\n", ""), "calendar and minutes go together"),
    "no text message": (
        re.sub(r"short = .*\nsegments = .\n|\[limits\]\nschool = 16\n", "", GOOD),
        "zh.short: a notice to a family needs a text message",
    ),
    "a text message in one language": (
        re.sub(r"short = .*\nsegments = 2\n", "", GOOD),
        "short: one language has none",
    ),
    "segments that are not declared": (GOOD.replace("segments = 1\n", ""), "zh: Value error, short and segments"),
    "a text message that is too long": (GOOD.replace(SHORT, SHORT * 2), "zh.short: charged as up to 2, not 1"),
    "a text message of three": (GOOD.replace("segments = 2", "segments = 3"), "en.segments: Input should be 1 or 2"),
    "a text without a limit": (GOOD.replace("[limits]\nschool = 16\n", ""), "limits: exactly the texts of `short`"),
    "a link with a variable": (
        GOOD.replace("{{ complaint_line }}", "{{ complaint_line }} https://x.invalid/{{ pupil_name }}", 1),
        "zh.text: Value error, a link is a fixed address",
    ),
    "a link in a text message": (
        GOOD.replace(SHORT, "https://x.invalid"),
        "zh.short: Value error, a text message holds no link",
    ),
    "a term that no claim backs": (
        GOOD.replace("不收取任何费用", "七日内可以退出"),
        "zh.text: 七日: only a claim may say this",
    ),
    "aid that no claim backs": (
        GOOD.replace("costs nothing", "is about grants"),
        "en.text: grants: only a claim may say this",
    ),
    "a claim that nobody knows": (
        GOOD.replace("不收取任何费用", "{{ claim.free_lunch }}"),
        "there is no claim free_lunch",
    ),
    "claims as a whole": (GOOD.replace("不收取任何费用", "{{ claim }}"), "zh.text: Value error, a claim is taken over"),
    "a way into a value": (
        GOOD.replace("{{ pupil_name }}同学", "{{ pupil_name.__class__ }}同学"),
        "only variables, claims and conditions may stand in a wording, not Getattr",
    ),
    "a filter": (GOOD.replace("{{ pupil_name }}同学", "{{ pupil_name|safe }}同学"), "in a wording, not Filter"),
    "a person in a notice to staff": (
        STAFF.replace("student", "guardian_phone"),
        "variables: not in a notice to staff: guardian_phone",
    ),
    "a person hidden in a notice to staff": (
        STAFF.replace("{{ student }}", "{{ student }}{% if pupil_name %}{{ pupil_name }}{% endif %}", 1),
        "zh: declared and used variables differ: pupil_name",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_template_that_is_not_whole_stops_the_start(tmp_path, case):
    """The worker loads all templates first: it does not start with one that could fail on a family."""
    text, problem = BROKEN[case]
    (tmp_path / "meeting_invitation").mkdir()
    (tmp_path / "meeting_invitation" / "1.toml").write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        load(tmp_path)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("meeting_invitation/1.toml: ")


def test_only_the_newest_version_keeps_the_rules_of_today(tmp_path):
    """What was sent stays as it was sent: an older version without a text message is no obstacle."""
    folder = tmp_path / "meeting_invitation"
    folder.mkdir()
    (folder / "1.toml").write_text((DIRECTORY / "meeting_invitation" / "1.toml").read_text(), encoding="utf-8")
    with pytest.raises(TemplateError, match="needs a text message"):
        load(tmp_path)
    (folder / "2.toml").write_text(GOOD.replace("version = 1", "version = 2"), encoding="utf-8")
    templates = load(tmp_path)
    assert (
        render("meeting_invitation", "zh", values("meeting_invitation"), version=1, templates=templates).short is None
    )


def test_the_newest_version_is_used_and_an_older_one_can_be_had_again(tmp_path):
    """A changed text is a new file beside the old one; a repeated mail says what the first said."""
    folder = tmp_path / "meeting_invitation"
    folder.mkdir()
    (folder / "1.toml").write_text(GOOD, encoding="utf-8")
    newer = GOOD.replace("version = 1", "version = 10").replace("家长会邀请：", "诚邀参加家长会：")
    (folder / "10.toml").write_text(newer, encoding="utf-8")
    (folder / "9.toml").write_text(GOOD.replace("version = 1", "version = 9"), encoding="utf-8")
    templates = load(tmp_path)
    given = values("meeting_invitation")
    assert render("meeting_invitation", "zh", given, templates=templates).template == "meeting_invitation/10"
    again = render("meeting_invitation", "zh", given, version=1, templates=templates)
    assert again.template == "meeting_invitation/1"
    assert again.text == render("meeting_invitation", "zh", given).text
    with pytest.raises(TemplateError, match="meeting_invitation/2: there is no such template"):
        render("meeting_invitation", "zh", given, version=2, templates=templates)


def test_several_texts_are_numbered():
    """What a digest shows: one block each, also of several lines; a text of blanks is none."""
    shown = render("staff_digest", "zh", {"count": 2, "items": ["甲校\n- 一项", "乙校"]}).text
    assert "1. 甲校\n- 一项\n\n2. 乙校" in shown
    for bad in ([], [" "], "一", ["甲\r乙"], [3]):
        with pytest.raises(TemplateError, match="items is no lines"):
            render("staff_digest", "zh", {"count": 2, "items": bad})


def test_a_published_wording_never_changes():
    """What was sent must be rendered again: every template and claim is what its line in the table says it is.

    A new version is a new file, and a new line at its place; a line that is there is never changed.
    """
    lines = PUBLISHED.read_text(encoding="utf-8").splitlines()
    published = dict(reversed(line.split("  ")) for line in lines)
    files = [*DIRECTORY.glob("*/*.toml"), *CLAIMS.glob("*.toml")]
    found = {file.relative_to(ROOM).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert len(published) == len(lines)
    assert found == published


def test_every_file_belongs_to_a_template():
    """No stray file, and each is valid TOML with its version as its name."""
    for file in DIRECTORY.rglob("*.*"):
        assert tomllib.loads(file.read_text(encoding="utf-8"))["version"] == int(file.stem)


@pytest.mark.parametrize("name", ["._1.toml", "1 (copy).toml", "1.bak.toml", "01.toml"])
def test_what_an_editor_or_a_stick_left_beside_the_templates_is_no_version(tmp_path, name):
    """A signed list with it could never be verified again."""
    shutil.copytree(DIRECTORY, tmp_path / "templates")
    known = digests(tmp_path / "templates")
    one = next((tmp_path / "templates").glob("*/1.toml"))
    shutil.copy(one, one.with_name(name))
    assert digests(tmp_path / "templates") == known
