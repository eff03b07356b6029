"""The templates: complete in both languages, checked before anything is sent, and worded as a family may expect."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC

import pytest
from notices_house import AT

from domain.time import instant
from domain.words import WORDS
from notices.catalogue import DIRECTORY, LANGUAGES, TemplateError, catalogue, load
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
}


def values(purpose):
    """Return a value for each variable of a purpose; a text is marked with its name."""
    template = catalogue().find(purpose)
    return {name: f"〔{name}〕" if kind == "text" else VALUES[kind] for name, kind in template.variables.items()}


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
    rendered = render(purpose, lang, values(purpose))
    whole = f"{rendered.subject}\n{rendered.text}"
    assert rendered.template == catalogue().find(purpose).label
    assert "\n" not in rendered.subject
    assert not re.search(r"[{}]|None|Undefined", whole)
    for name, kind in catalogue().find(purpose).variables.items():
        if kind == "text":
            assert f"〔{name}〕" in whole


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("purpose", FAMILY)
def test_a_family_reads_where_to_complain_and_nothing_about_marks_or_diversion(purpose, lang):
    """DOMAIN §5.5: the complaint line is there; no word for diversion, marks or ranking."""
    rendered = render(purpose, lang, values(purpose))
    whole = f"{rendered.subject}\n{rendered.text}".lower()
    assert "〔complaint_line〕" in whole
    for word in ("分流", "成绩", "分数", "排名", "指标", "任务", "diversion", "divert", "score", "ranking", "quota"):
        assert word not in whole


@pytest.mark.parametrize("purpose", ["choice_notice", "choice_notice_pupil"])
def test_both_routes_are_described_at_equal_length(purpose):
    """Neither school is advertised by a longer text (DOMAIN §5.5): equal in Chinese, within a tenth in English."""
    chinese = render(purpose, "zh", values(purpose)).text.splitlines()
    lengths = [len(line.partition("：")[2]) for line in chinese if line.startswith(("普通高中：", "中等职业学校："))]
    assert len(lengths) == 2
    assert abs(lengths[0] - lengths[1]) <= max(lengths) // 10
    english = render(purpose, "en", values(purpose)).text.splitlines()
    lengths = [len(line) for line in english if line.startswith(("General high school:", "Vocational school:"))]
    assert len(lengths) == 2
    assert abs(lengths[0] - lengths[1]) <= max(lengths) // 10


def test_the_letter_to_parents_says_what_it_must():
    """DOMAIN §5.5: own choice, examination, certificate, no fee, withdrawal, silence, the code."""
    text = render("choice_notice", "zh", values("choice_notice")).text
    for phrase in (
        "由学生和监护人自主决定，任何单位和个人不得强迫、代替",
        "每名学生都参加中考",
        "不参加中考，今年就不能再读普通高中",
        "领到毕业证，与您怎样选择无关",
        "不收取任何费用",
        "不得因推荐学校得到报酬",
        "七日内，可以不说理由撤回",
        "正式注册学籍以前，可以书面撤回",
        "不回复不等于同意",
        "不满十四周岁",
        "〔answer_code〕",
        "□已阅读并理解",
    ):
        assert phrase in text


CONSENTS = (
    "cooling_started",
    "cooling_lengthened",
    "cooling_moved",
    "consent_confirmed",
    "spring_returned",
    "school_removed_from_list",
    "document_superseded",
    "withdrawal_reported",
)


@pytest.mark.parametrize("purpose", CONSENTS)
def test_what_a_family_reads_of_its_consent_says_that_nothing_harms_and_presses_for_nothing(purpose):
    """A way out or back, no disadvantage, nothing that must be done by a day; and no answer code in any of them."""
    for flag in (False, True):
        given = values(purpose)
        given |= {name: flag for name, kind in catalogue().find(purpose).variables.items() if kind == "flag"}
        chinese, english = (render(purpose, lang, given).text for lang in LANGUAGES)
        assert "对孩子没有任何影响" in chinese
        assert "your child no harm" in english
        assert any(word in chinese for word in ("撤回", "不用答复", "先不决定"))
        for word in ("必须", "务必", "请尽快", "逾期", "尽早", "名额有限", "否则"):
            assert word not in chinese
        for word in ("must", "as soon as", "hurry", "otherwise", "limited"):
            assert word not in english.lower()
        assert not re.search(r"\n{3}", chinese + english)
    assert "answer_code" not in catalogue().find(purpose).variables


def test_the_cooling_off_is_printed_to_its_real_end_and_a_short_one_says_so():
    """The family reads the minute in which it ends, and why it is shorter where it is."""
    given = values("cooling_started") | {"cooling_ends": instant("2025-03-17T23:59:59+08:00")}
    for lang, end, short in (
        ("zh", "2025年3月17日（星期一）23:59", "比平常短"),
        ("en", "17 March 2025, 23:59", "shorter"),
    ):
        plain = render("cooling_started", lang, given | {"short": False})
        assert end in plain.text
        assert end in plain.subject
        assert short not in plain.text
        assert short in render("cooling_started", lang, given | {"short": True}).text


def test_a_school_off_the_list_keeps_a_place_or_opens_the_choice_anew():
    """Whoever was admitted reads of the kept place; whoever was not, that the choice is open."""
    given = values("school_removed_from_list")
    kept, lost = (render("school_removed_from_list", "zh", given | {"kept": kept}).text for kept in (True, False))
    assert ("名额为你们保留" in kept, "重新选择" in kept) == (True, False)
    assert ("名额为你们保留" in lost, "重新选择" in lost) == (False, True)


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
        ({"meeting_at": "2025-03-10"}, "meeting_at is no instant"),
        ({"meeting_at": instant("2025-03-10T19:00:00+08:00").replace(tzinfo=None)}, "meeting_at is no instant"),
        ({"marks": "512"}, "missing or unknown variables: marks"),
    ],
)
def test_values_that_do_not_fit_are_refused_without_being_repeated(change, problem):
    """Wrong type, a line break that would begin a header, one variable too many."""
    with pytest.raises(TemplateError) as caught:
        render("meeting_invitation", "zh", values("meeting_invitation") | change)
    assert str(caught.value) == f"meeting_invitation/1: {problem}"


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
    assert str(caught.value) == f"school_removed_from_list/1: {problem}"


def test_a_missing_value_is_refused():
    """Nothing is rendered with a hole in it."""
    given = values("meeting_invitation")
    del given["school"]
    with pytest.raises(TemplateError, match="missing or unknown variables: school"):
        render("meeting_invitation", "zh", given)


GOOD = (DIRECTORY / "meeting_invitation" / "1.toml").read_text(encoding="utf-8")
BROKEN = {
    "a language is missing": (GOOD.partition("[en]")[0], "en: Field required"),
    "undeclared": (GOOD.replace('school = "text"\n', ""), "zh: declared and used variables differ: school"),
    "unused": (GOOD.replace('school = "text"', 'school = "text"\nclass_id = "text"'), "variables differ: class_id"),
    "no complaint line": (
        GOOD.replace('complaint_line = "text"\n', "").replace("{{ complaint_line }}\n", ""),
        "zh: a notice to a family needs complaint_line",
    ),
    "a forbidden word": (GOOD.replace("升学选择", "分流"), "zh: not in a notice to a family: 分流"),
    "an unknown type": (GOOD.replace('"instant"', '"float"'), "variables.meeting_at"),
    "broken source": (GOOD.replace("{{ meeting_at }}", "{{ meeting_at "), "expected token"),
    "no TOML": (GOOD.replace('purpose = "', "purpose = "), "Invalid value"),
    "another purpose": (GOOD.replace('"meeting_invitation"', '"meeting_cancelled"'), "holds meeting_cancelled/1"),
    "a calendar without an end": (GOOD.replace("minutes = 90\n", ""), "calendar and minutes go together"),
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
    assert again == render("meeting_invitation", "zh", given)
    with pytest.raises(TemplateError, match="meeting_invitation/2: there is no such template"):
        render("meeting_invitation", "zh", given, version=2, templates=templates)


def test_a_template_reaches_nothing_but_its_values(tmp_path):
    """The sandbox: a text that climbs out of a value is not rendered."""
    (tmp_path / "meeting_invitation").mkdir()
    nasty = GOOD.replace("{{ pupil_name }}同学", "{{ pupil_name.__class__.__mro__ }}同学")
    (tmp_path / "meeting_invitation" / "1.toml").write_text(nasty, encoding="utf-8")
    with pytest.raises(TemplateError, match="cannot be rendered"):
        render("meeting_invitation", "zh", values("meeting_invitation"), templates=load(tmp_path))


def test_every_file_belongs_to_a_template():
    """No stray file, and each is valid TOML with its version as its name."""
    for file in DIRECTORY.rglob("*.*"):
        assert tomllib.loads(file.read_text(encoding="utf-8"))["version"] == int(file.stem)
