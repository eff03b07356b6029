"""No paper gives up the examination: what the scan finds in notes, and what it lets through in notices (INV-03)."""

from __future__ import annotations

import pytest

from domain.deciders import DECIDERS
from domain.exam_right import asks_for_waiver, normalised, reads_like_waiver
from notices.catalogue import LANGUAGES, catalogue

PROMISES = (
    "本人自愿放弃参加2026年中考",
    "放 弃 中 考 承诺书",
    "放弃　中考",
    "放弃\n中考",
    "我自願放棄參加中考",
    "“自愿放弃”中考申请书",
    "自愿弃考承诺书",
    "本人承诺不参加今年的初中学业水平考试",
    "同意孩子不报考中考，后果自负",
    "不得反悔，本人自愿放弃中考",
    "中考放弃声明",
    "申请不再参加升学考试",
    "I agree not to take the zhongkao",
    "We hereby WAIVE the senior high school entrance examination.",
)
TOLD_OF = ("孩子不参加中考了", "班主任劝退了三名学生，不让参加中考", "老师说成绩差的不考中考")
HARMLESS = (
    "他们催我签字",
    "每名学生都参加中考",
    "家长会签到表和承诺书已收齐",
    "放弃了住校，改为走读",
    "志愿填报前再联系",
    "the family gave up its seat on the trip",
)
LAWFUL = (
    "一、每名学生都参加中考。不参加中考，今年就不能再读普通高中。",
    "任何人不得要求您放弃中考",
    "严禁学校组织学生签订放弃中考承诺书",
    "Nobody may ask you to give up the zhongkao",
)


@pytest.mark.parametrize("text", PROMISES)
def test_a_promise_is_found_in_notes_and_refused_in_notices(text):
    """However it is spaced, quoted, written in traditional characters or full width."""
    assert reads_like_waiver(text)
    assert asks_for_waiver(text)


@pytest.mark.parametrize("text", TOLD_OF)
def test_a_report_about_it_is_looked_at(text):
    """A note that tells of a pupil kept from the examination is found; a notice with these words asks for nothing."""
    assert reads_like_waiver(text)
    assert not asks_for_waiver(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_other_words_are_left_alone(text):
    """An ordinary note opens no case."""
    assert not reads_like_waiver(text)
    assert not asks_for_waiver(text)


@pytest.mark.parametrize("text", LAWFUL)
def test_a_letter_may_warn_and_forbid(text):
    """The letter to parents must say what not sitting the examination means (DOMAIN §5.5)."""
    assert not asks_for_waiver(text)


def test_no_template_that_ships_asks_for_it():
    """All versions of all wordings in both languages."""
    for purpose in catalogue().purposes:
        for lang in LANGUAGES:
            wording = catalogue().find(purpose).wording(lang)
            assert not asks_for_waiver(f"{wording.subject}\n{wording.text}")


def test_no_event_and_no_command_gives_the_examination_up():
    """INV-03: the only types whose names have the examination in them find the promise; none makes it."""
    names = [kind.__name__ for decider in DECIDERS.values() for kind in decider.event_types]
    assert len(names) > 100
    for name in names:
        assert not any(word in name.lower() for word in ("exam", "zhongkao", "waive"))


def test_text_is_read_in_one_form():
    """Full-width letters, traditional characters and capitals are one with the plain ones."""
    assert normalised("放棄ＺＨＯＮＧＫＡＯ") == "放弃zhongkao"
