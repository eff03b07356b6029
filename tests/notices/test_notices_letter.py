"""What families read of their choice and of their consent: all that it must say, nothing that presses (DOMAIN §5.5)."""

from __future__ import annotations

import re

import pytest
from notices_house import AT

from domain.time import instant
from notices.catalogue import LANGUAGES, catalogue
from notices.render import render

VALUES = {"instant": AT, "day": AT.date(), "flag": True}


def values(purpose):
    """Return a value for each variable of a purpose; a text is marked with its name."""
    kinds = catalogue().find(purpose).variables
    return {name: f"〔{name}〕" if kind == "text" else VALUES[kind] for name, kind in kinds.items()}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("purpose", ["choice_notice", "choice_notice_pupil", "choice_information"])
def test_both_routes_are_described_at_equal_length(purpose, lang):
    """Neither school is advertised by a longer text (DOMAIN §5.5): within a tenth, and next to each other."""
    lines = render(purpose, lang, values(purpose)).text.splitlines()
    starts = {"zh": ("普通高中：", "中等职业学校："), "en": ("General high school:", "Vocational school:")}[lang]
    (general,), (vocational,) = ([n for n, line in enumerate(lines) if line.startswith(start)] for start in starts)
    lengths = [
        len(lines[number].partition(start)[2]) for number, start in zip((general, vocational), starts, strict=True)
    ]
    assert vocational == general + 1
    assert abs(lengths[0] - lengths[1]) * 10 <= max(lengths)


MUST_SAY = {
    "who sends it": (
        "由县教育局统一编写，由〔school〕发出",
        "written by the county education bureau and comes to you from 〔school〕",
    ),
    "its date": ("2025年3月10日（星期一）", "Monday 10 March 2025"),
    "its version": ("文件版本：〔document〕", "Version of this letter: 〔document〕"),
    "the choice is the family's": (
        "读普通高中还是中等职业学校，由学生和监护人自主决定，任何单位和个人不得强迫、代替或以毕业证、班级、评优等为条件影响您的选择",
        "Nobody may press you, choose in your place, or make a certificate, a class or an award depend on your choice",
    ),
    "one route": ("普通高中：一般读三年", "General high school: usually three years"),
    "the other route": ("中等职业学校：一般读三年", "Vocational school: usually three years"),
    "everybody takes the examination": (
        "每名学生都参加中考",
        "Every pupil takes the senior high school entrance examination",
    ),
    "what not taking it closes": (
        "不参加中考，今年就不能再读普通高中",
        "Without it, general high school is closed this year",
    ),
    "the certificate": ("能否领到毕业证，与您怎样选择无关", "the certificate do not depend on what you choose"),
    "no fee": ("学校和教师不收取任何费用", "Neither the school nor any teacher takes a fee"),
    "nobody is paid": ("任何人不得因推荐学校得到报酬", "nobody may be paid for recommending a school"),
    "list and link of schools": (
        "可以招生的学校名单由县教育局公布：https://",
        "publishes the schools that may enrol: https://",
    ),
    "free tuition": ("免学费", "pay no tuition"),
    "the grant's rate": ("平均每生每年2000元", "2000 yuan a year on average"),
    "seven days without a reason": ("七日内，可以不说理由撤回", "without a reason for seven days after signing"),
    "in writing until registration": ("正式注册学籍以前，可以书面撤回", "in writing until registration"),
    "a transfer afterwards": ("注册以后，可以办理转学", "by a transfer afterwards"),
    "which data": ("使用孩子的学籍信息和您提供的信息", "the school register and what you tell us"),
    "by whom": (
        "只有学校和县教育局的经办人员可以查看",
        "only those in charge at the school and the county education bureau",
    ),
    "how long": ("保存到孩子年满十八周岁后三年", "until three years after your child turns eighteen"),
    "rights": ("您有权查阅、复制、更正，也有权要求停止使用或删除", "You may see it, have a copy, have it corrected"),
    "a page for under fourteen": ("孩子不满十四周岁的", "While your child is under fourteen"),
    "the bureau's number": ("〔complaint_line〕", "〔complaint_line〕"),
    "the discipline office's number": (
        "纪检监察机关举报，电话 12388",
        "the discipline inspection office by telephone, 12388",
    ),
    "who complained stays secret": ("对投诉人保密", "nobody is told who complained"),
    "slip: read": ("□已阅读并理解", "[ ] read and understood"),
    "slip: by telephone": ("□需要老师电话说明", "[ ] please explain by telephone"),
    "slip: no more": (
        "□希望不再接收该类通知（控辍、安全类除外）",
        "[ ] no more notices of this kind (except attendance and safety)",
    ),
    "silence": ("不回复不等于同意", "No answer is not a yes"),
    "the code": ("您的答复码：〔answer_code〕", "Your answer code: 〔answer_code〕"),
}
"""Every point of the list in DOMAIN §5.5 → the phrase that makes it, in both languages."""


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("point", MUST_SAY)
def test_the_letter_to_parents_says_all_that_it_must(point, lang):
    """DOMAIN §5.5, point by point."""
    text = render("choice_notice", lang, values("choice_notice")).text
    assert MUST_SAY[point][LANGUAGES.index(lang)] in text


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
