from __future__ import annotations

import string

import pytest

from domain.actors import PERMISSIONS, Actor, Role, require
from domain.refusal import Blocker, Refusal
from domain.sentences import BLOCKERS, CATALOGUE, REFUSALS, refusal_sentence, sentence
from domain.words import WORDS

CODES = """
ROLE_NOT_ALLOWED WRONG_SCHOOL SELF_APPROVAL COMMAND_UNKNOWN PROFILE_UNKNOWN PROFILE_SHADOW_ONLY
COMMAND_INVALID COMMAND_ID_REUSED HALTED STAGE_TOO_EARLY STAGE_PREREQUISITE STAGE_NOT_OPEN ALREADY_COMPLETED
STAGE_PAUSED CAMPAIGN_STOPPED NOT_COMPLETE CALENDAR_UNKNOWN DUE_NOT_LATER DUE_NOT_WORKING_DAY REASON_REQUIRED
OCCURRED_IN_FUTURE OCCURRED_TOO_LONG_AGO CAMPAIGN_EXISTS CAMPAIGN_NOT_APPROVED CAMPAIGN_ALREADY_APPROVED
CAMPAIGN_CLOSED STAGES_NOT_FINISHED STUDENT_UNKNOWN STUDENT_TWICE PROPOSAL_MISSING ALREADY_DECIDED COHORT_FROZEN
COHORT_NOT_FROZEN CONTEST_OPEN SESSION_UNKNOWN SESSION_EXISTS SESSION_NOT_YET_HELD CLASS_UNKNOWN STAGE_HAS_NO_CONTENT
CLOCK_NOT_STEPPED UPDATE_ID_MISMATCH INBOX_NOT_HERE RULE_ATTRIBUTE_FORBIDDEN RULE_ATTRIBUTE_UNKNOWN RULE_INVALID
POLICY_PARAMETER_UNKNOWN POLICY_PARAMETER_INVALID
PROPOSALS_PENDING PROPOSALS_UNDECIDED DATA_UNKNOWN CONTESTS_OPEN CLASSES_WITHOUT_SESSION SESSIONS_NOT_HELD
ATTENDANCE_MISSING HOUSEHOLDS_NOT_FOLLOWED_UP QUORUM_NOT_REACHED STAGE_UNFINISHED
"""


def fields(template: str) -> set[str]:
    """Return the names between braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("code", CODES.split())
def test_every_code_that_the_rules_raise_has_a_sentence(code):
    """A person never sees a bare code for what the rules refuse."""
    assert set(CATALOGUE[code]) == {"zh", "en"}


def test_no_code_stands_in_both_tables():
    """A blocker's phrase must not silently replace a refusal's sentence of the same code."""
    assert not REFUSALS.keys() & BLOCKERS.keys()


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_entry_formats_in_both_languages_with_the_same_fields(code):
    """Both languages name the same fields, every value given is shown, and no brace is left over."""
    entry = CATALOGUE[code]
    assert fields(entry["zh"]) == fields(entry["en"])
    values = {name: f"<{name}-7>" for name in fields(entry["zh"])}
    for lang in ("zh", "en"):
        said = sentence(code, values, lang)
        assert all(value in said for value in values.values())
        assert "{" not in said
        assert "}" not in said


@pytest.mark.parametrize("code", CATALOGUE)
def test_each_language_is_itself(code):
    """The Chinese is Chinese, the English has no Chinese character."""

    def chinese(text: str) -> bool:
        return any("\u4e00" <= letter <= "\u9fff" for letter in text)

    assert chinese(CATALOGUE[code]["zh"])
    assert not chinese(CATALOGUE[code]["en"])


def test_an_unknown_code_is_said_as_itself():
    """A code of a newer version is shown rather than hidden."""
    assert sentence("FROM_THE_FUTURE", {"a": 1}, "en") == "FROM_THE_FUTURE"


def test_a_value_that_was_not_given_is_a_dash():
    """A missing value must not turn a refusal into a crash."""
    assert "opens on —." in sentence("STAGE_TOO_EARLY", {}, "en")


def test_an_unknown_language_is_the_countys():
    """Whatever LANG says, the sentence is said."""
    assert sentence("COMMAND_UNKNOWN", {}, "fr") == sentence("COMMAND_UNKNOWN", {}, "zh")


def test_a_value_with_braces_is_shown_and_not_formatted():
    """What a file's author wrote is data, not a template."""
    assert "{0.__class__}" in sentence("PROFILE_UNKNOWN", {"profile": "{0.__class__}"}, "en")


def test_roles_and_commands_are_said_in_words():
    """A class head reads 班主任, not class_head."""
    with pytest.raises(Refusal) as refused:
        require(Actor(id="stf_1", role=Role.CLASS_HEAD, organisation="9900010001"), "reopen", "9900010001")
    assert refusal_sentence(refused.value, "zh").startswith(
        "未受理：班主任无权执行“重新开放阶段”。可以办理的角色：校长、县"
    )
    english = refusal_sentence(refused.value, "en")
    assert "class head may not do “reopen a stage”. These roles may: principal, bureau officer." in english


def test_every_role_and_command_has_its_word():
    """A new role or command without a word would be shown as a code."""
    for code in (*Role, *PERMISSIONS):
        assert set(WORDS[code]) == {"zh", "en"}


def test_a_completion_that_is_refused_names_its_blockers():
    """S7: 'cannot close because…', with how many."""
    refusal = Refusal(
        "NOT_COMPLETE", blockers=(Blocker(code="PROPOSALS_UNDECIDED", count=4), Blocker(code="COHORT_NOT_FROZEN"))
    )
    assert "还差：4 条建议尚未决定，请逐一确认或排除；名单尚未锁定，请先锁定名单。" in refusal_sentence(refusal, "zh")
    assert "4 (confirm or exclude each); the list is not frozen (freeze it first)" in refusal_sentence(refusal, "en")
