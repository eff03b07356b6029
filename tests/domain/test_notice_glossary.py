"""The glossary of notices: every state, class and code has its words, and docs/notices-states.md says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain import sending
from domain.notice_glossary import CLASSES, CODES, STATES
from domain.notices import NoticeClass, NoticeState
from domain.silences import Silence
from domain.words import WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "notices-states.md").read_text(encoding="utf-8")
CALLED = {"planned": "notice_planned", "held": "notice_held"}


def test_every_state_and_class_is_explained():
    """In the order of their life; a state has a word besides, and no two states have the same."""
    assert tuple(STATES) == tuple(NoticeState)
    assert tuple(CLASSES) == tuple(NoticeClass)
    for lang in ("zh", "en"):
        words = [WORDS[CALLED.get(state, state)][lang] for state in NoticeState]
        assert len({*words}) == len(words)


def test_every_code_of_the_rules_is_explained():
    """What holds, denies or ends a notice by rule is never a bare code to the person who reads it."""
    of_rules = [value for name, value in vars(sending).items() if name.isupper() and name == value]
    assert len(of_rules) >= 7
    for code in (*of_rules, *Silence):
        assert {*CODES[code]} == {"zh", "en"}, code


@pytest.mark.parametrize("table", [STATES, CODES, CLASSES])
def test_each_language_is_itself_and_no_sentence_is_said_twice(table):
    """The Chinese is Chinese, the English has no Chinese character."""
    for lang in ("zh", "en"):
        told = [entry[lang] for entry in table.values()]
        assert len({*told}) == len(told)
        for one in told:
            assert any("\u4e00" <= letter <= "\u9fff" for letter in one) == (lang == "zh"), one


def test_the_page_says_what_the_program_says():
    """One row for each entry, and none that the program does not know."""
    rows = [
        *(
            f"| `{state}` | {WORDS[CALLED.get(state, state)]['zh']} | {told['en']} | {told['zh']} |"
            for state, told in STATES.items()
        ),
        *(f"| `{key}` | {told['en']} | {told['zh']} |" for table in (CODES, CLASSES) for key, told in table.items()),
    ]
    assert [line for line in PAGE.splitlines() if line.startswith("| `")] == rows
