import ast
from pathlib import Path

import pytest

from domain.sentences_gateway import REFUSALS
from gateway.inbound import REPLIES
from gateway.receipts import FAILURES, OTHER_FAILURE

PROJECT = Path(__file__).parents[2]
ROOM = PROJECT / "gateway"
SAID_ELSEWHERE = {"COMMAND_ID_REUSED"}
TO_THE_PROVIDER = {
    "BODY_INVALID",
    "BODY_TOO_LARGE",
    "NUMBER_IN_RECEIPT",
    "RECEIPT_IN_FUTURE",
    "RECEIVED_IN_FUTURE",
    "SIGNATURE_MISSING",
    "SIGNATURE_WRONG",
    "TIMESTAMP_OLD",
    "TOO_MANY_RECEIPTS",
    "TRY_LATER",
    *(code for code in (*FAILURES, OTHER_FAILURE) if "_" in code),
}
"""What a program reads or says; no family ever does."""


def _codes():
    """Return every code that stands in the gateway's source."""
    nodes = (node for file in sorted(ROOM.glob("*.py")) for node in ast.walk(ast.parse(file.read_text())))
    words = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {word for word in words if word.isupper() and "_" in word and word.isidentifier()}


def test_every_code_of_the_gateway_has_its_sentence_and_no_sentence_is_idle():
    """A family never reads a bare code."""
    assert _codes() - SAID_ELSEWHERE - TO_THE_PROVIDER == set(REFUSALS) | {code for code in REPLIES if "_" in code}


def test_what_a_provider_is_told_is_documented():
    """Each code of the endpoint stands in the command line's document."""
    documented = (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [code for code in sorted(TO_THE_PROVIDER | set(REPLIES)) if code not in documented] == []


@pytest.mark.parametrize("code", REFUSALS)
def test_each_sentence_is_in_its_language_and_says_what_to_do(code):
    """Two or more sentences: what was refused, and a way on; Chinese with its own punctuation."""
    zh, en = REFUSALS[code]["zh"], REFUSALS[code]["en"]
    assert zh.startswith("未受理：")
    assert zh.count("。") >= 2
    assert not set(zh) & set(",;:!?")
    assert en.startswith("Not done: ")
    assert en.endswith(".")
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in en)
    assert "{" not in zh + en
