"""A letter with a code says where to send it: by the campaign's own line, or whom to ask."""

from __future__ import annotations

import re

import pytest
from notices_house import CAMPAIGN, SCHOOL, Drafted, address, dispatcher, put, sealed, student
from temporalio.testing import ActivityEnvironment

from domain.application_filing_events import NoticeOffered
from gateway.sms import read
from notices.answer_line import answer_line
from notices.catalogue import LANGUAGES, catalogue
from notices.render import render
from protocol import DispatchRequest

FILING = f"{CAMPAIGN}/{SCHOOL}/application-filing"
CODED = ("choice_notice", "choice_notice_pupil")
CODE = "7K2M-Q4XD"


class DraftedWithALine(Drafted):
    """A campaign's first event that says where codes go."""

    answer_line: str | None = None


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("line", ["1069-0000-12345", "https://answer.example.invalid/qingshan"])
def test_a_stated_line_stands_in_the_sentence_and_the_complaint_line_does_not(line, lang):
    """Whoever has a place to send the code to is not sent to ask for one."""
    told = answer_line(line, "0871-12345", lang)
    assert line in told
    assert "0871-12345" not in told


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_a_line_the_family_is_told_whom_to_ask_and_to_keep_the_code(lang):
    """Not the school, and the code stays with its owner."""
    told = answer_line(None, "0871-12345", lang)
    assert "0871-12345" in told
    assert ("不要把答复码告诉" if lang == "zh" else "do not tell the code") in told


def test_what_the_letter_tells_a_family_to_write_is_understood():
    """Each word of the sentence is an act of the gateway; both routes are named, and so is the way back."""
    chinese = re.findall("“([^”]+)”", answer_line("1069-0000", "12345", "zh"))
    english = re.findall("[A-Z_]{2,}", answer_line("1069-0000", "12345", "en"))
    for words in (chinese, english):
        meant = [read(f"{CODE} {word}" + (" 9900010001" if word in ("同意", "YES") else "")) for word in set(words)]
        assert None not in meant
        assert {(one.act, one.intent and one.intent.value) for one in meant} == {
            ("acknowledge", None),
            ("intent", "GENERAL_HIGH"),
            ("intent", "VOCATIONAL"),
            ("intent", "UNDECIDED"),
            ("sign", None),
            ("refuse", None),
            ("withdraw", None),
        }


@pytest.mark.parametrize("purpose", CODED)
def test_a_letter_that_was_begun_in_the_older_wording_is_repeated_in_it(purpose):
    """A second attempt says what the first said, so the older wording asks for no line."""
    older, newer = catalogue().find(purpose, 1), catalogue().find(purpose, 2)
    assert newer.variables == {**older.variables, "answer_line": "text"}
    rendered = render(purpose, "zh", dict.fromkeys(older.variables, "某"), version=1)
    assert rendered.template == f"{purpose}/1"


@pytest.mark.parametrize(
    ("line", "expected"), [("1069-0000-12345", "短信发到 1069-0000-12345"), (None, "0871-12345 询问")]
)
async def test_the_line_of_the_draft_reaches_both_letters_with_a_code(ledger, sink, line, expected):
    """The pupil's and the guardian's; nothing else in the record knows it."""
    drafted = DraftedWithALine(campaign=CAMPAIGN, complaint_line="0871-12345", answer_line=line)
    await put(ledger, sealed(CAMPAIGN, [drafted]))
    await put(ledger, sealed(FILING, [NoticeOffered(student=student(1), document="letter-1")]))
    request = DispatchRequest(campaign=CAMPAIGN, channel="email", limit=10)
    await ActivityEnvironment().run(dispatcher(ledger, sink).drain, request)
    texts = {kept.recipient: kept.text for kept in sink.mails}
    assert set(texts) == {address(1), "pupil000001@family.invalid"}
    assert all(expected in text for text in texts.values())
