"""Text messages are counted as networks count them: 70 characters, or 67 each, signature and brackets included."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notices_house import AT

from domain.time import SHANGHAI
from domain.words import WORDS
from notices.catalogue import LANGUAGES, catalogue
from notices.render import render
from notices.segments import LONGEST_SIGNATURE, length, segments, signed
from notices.values import LONG_KINDS, longest_short, show_short

FAMILY = [template.purpose for template in catalogue().newest if template.audience != "staff"]
EMOJI = "\U0001f600"
CHOICE = "家长您好，《升学选择告知书》已由班主任送达，普高中职由您和孩子自愿选择，如有人强迫或收费请拨打12345。"
WITHDRAWAL = "您已确认升学志愿，7月12日24时前可无理由撤回，撤回请联系学校或回复TD。"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("一", 1),
        ("一" * 70, 1),
        ("a" * 70, 1),
        ("一" * 71, 2),
        ("a" * 134, 2),
        ("一" * 135, 3),
        (EMOJI * 35, 1),
        (EMOJI * 36, 2),
        ("一" * 66 + EMOJI + "一" * 66, 3),
        ("一" * 65 + EMOJI + "一" * 67, 2),
    ],
    ids=range(11),
)
def test_one_segment_holds_seventy_characters_and_several_hold_sixty_seven_each(text, expected):
    """A letter counts as a Chinese character does; one beyond the basic plane counts two and is never cut."""
    assert segments(text) == expected


@given(st.text(alphabet=st.sampled_from("一a，" + EMOJI), max_size=300))
def test_segments_hold_all_of_a_text_and_none_is_empty(text):
    """As many as the characters need, and at most one place is lost in each for a character that is not cut."""
    count, size = segments(text), length(text)
    if size <= 70:
        assert count == (size > 0)
    else:
        assert -(-size // 67) <= count <= -(-size // 66)


@pytest.mark.parametrize(("text", "characters"), [(CHOICE, 60), (WITHDRAWAL, 45)])
def test_the_models_of_the_domain_go_in_one_segment(text, characters):
    """DOMAIN §5.5: 60 and 45 characters with a signature of six; ours count the same."""
    assert length(signed(text, "某县教体局")) == characters
    assert segments(signed(text, LONGEST_SIGNATURE)) == 1


@pytest.mark.parametrize("signature", ["局", "【某县教体局】", "某县 教体局", "测" * 13, "某县教体局！", ""])
def test_a_signature_is_one_that_can_be_registered(signature):
    """2 to 12 letters, digits or Chinese characters; the brackets are ours."""
    with pytest.raises(ValueError, match="a signature has 2 to 12"):
        signed("文", signature)


LONG = {"school": "测" * 16, "host": "测" * 16, "listed_school": "测" * 16, "complaint_number": "0691-12345678"}
VALUES = {"instant": AT.replace(month=12, day=31, hour=23, minute=59), "text": "〔家庭〕"}


def values(purpose, flag=None, **change):
    """Return the longest values that a wording plans for."""
    kinds = catalogue().find(purpose).variables
    day = VALUES["instant"].date()
    given = {
        name: {"instant": VALUES["instant"], "day": day, "flag": bool(flag), "text": LONG.get(name, "〔家庭〕")}[kind]
        for name, kind in kinds.items()
    }
    return given | change


@pytest.mark.parametrize("flag", [False, True])
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("purpose", FAMILY)
def test_the_longest_text_message_is_charged_as_it_declares(purpose, lang, flag):
    """With the longest signature, names of sixteen characters and the longest day of the year."""
    rendered = render(purpose, lang, values(purpose, flag))
    assert rendered.short is not None
    declared = catalogue().find(purpose).segments(lang)
    assert 1 <= segments(signed(rendered.short, LONGEST_SIGNATURE)) <= declared <= (1 if lang == "zh" else 2)


@given(
    purpose=st.sampled_from(FAMILY),
    lang=st.sampled_from(LANGUAGES),
    name=st.text(alphabet=st.sampled_from("测a " + EMOJI), min_size=1, max_size=40).filter(str.strip),
    at=st.datetimes(min_value=datetime(2022, 1, 1), max_value=datetime(2099, 1, 1), timezones=st.just(SHANGHAI)),  # noqa: DTZ001 - `timezones` adds the zone
    flag=st.booleans(),
)
def test_no_value_makes_a_text_message_longer_than_declared(purpose, lang, name, at, flag):
    """Whatever the school is called and whenever it is: as declared, or no text message and the whole letter."""
    kinds = catalogue().find(purpose).variables
    shown = {"instant": at, "day": at.date(), "flag": flag, "text": name}
    rendered = render(purpose, lang, {variable: shown[kind] for variable, kind in kinds.items()})
    if rendered.short is not None:
        assert segments(signed(rendered.short, LONGEST_SIGNATURE)) <= catalogue().find(purpose).segments(lang)
    assert name in rendered.text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("purpose", FAMILY)
def test_a_text_message_names_nobody_and_links_nowhere(purpose, lang):
    """It is read over a shoulder and may reach a number that somebody else has now (FEATURES G18)."""
    short = render(purpose, lang, values(purpose)).short
    assert "〔家庭〕" not in short
    assert not [sign for sign in ("http", "www", "://", "@") if sign in short]
    assert not {"pupil_name", "answer_code", "answer_line"} & set(catalogue().find(purpose).limits)


def test_a_name_longer_than_planned_goes_another_way():
    """It is not cut and not charged as more than the template says: there is no text message then, but the letter."""
    rendered = render("meeting_invitation", "zh", values("meeting_invitation", school="测" * 19))
    assert rendered.short is None
    assert "测" * 19 in rendered.text


@pytest.mark.parametrize("purpose", ["choice_notice", "choice_notice_pupil"])
def test_of_a_letter_with_a_code_it_says_only_that_the_letter_is_there(purpose):
    """No code, where to ask, whom to call (DOMAIN §5.5)."""
    chinese, english = (render(purpose, lang, values(purpose, complaint_number="12345")).short for lang in LANGUAGES)
    assert "告" in chinese
    assert "请问班主任" in chinese
    assert "Ask the class head" in english
    assert "12345" in chinese
    assert "12345" in english


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_day_of_a_year_is_shown_longer_than_the_longest(lang):
    """What the wordings are measured with is as long as any day and any word, in both languages."""
    for days in range(730):
        at = AT.replace(hour=23, minute=59) + timedelta(days=days)
        for kind, value in (("instant", at), ("day", at.date())):
            assert len(show_short(kind, value, lang)) <= len(longest_short(kind, 0, lang)[0])
    assert max(len(show_short("word", word, lang)) for word in WORDS) == len(longest_short("word", 0, lang)[0])
    for kind in LONG_KINDS:
        with pytest.raises(ValueError, match="no place in a text message"):
            longest_short(kind, 0, lang)


@pytest.mark.parametrize(("lang", "shown"), [("zh", "3月10日周一19:00"), ("en", "Mon 10 Mar 19:00")])
def test_a_text_message_shows_times_without_the_year(lang, shown):
    """The civil time of the county, short."""
    assert shown in render("meeting_moved", lang, values("meeting_moved", meeting_at=AT)).short
