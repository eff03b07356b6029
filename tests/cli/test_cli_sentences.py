import ast
from pathlib import Path

import pytest

from domain.blockers import BLOCKERS, SHARED
from domain.refusal import Blocker, Refusal
from domain.sentences import CATALOGUE, REFUSALS, blocker_phrase, refusal_sentence

PROJECT = Path(__file__).parents[2]
ROOMS = (
    "domain",
    "workflows",
    "activities",
    "ledger",
    "registry",
    "gateway",
    "notices",
    "audit",
    "client",
    "rehearsal",
    "cli",
)


def _sources():
    files = [file for room in ROOMS for file in sorted((PROJECT / room).glob("*.py"))]
    return [*files, *(PROJECT / name for name in ("engine.py", "protocol.py"))]


def _is_code(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isupper()


def _codes():
    """Return the codes that the source names: refusals, blockers, and the rows of a list."""
    refusals, blockers = {}, {}
    for file in _sources():
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "code")]
            if name == "Refusal":
                refusals |= {part.value: file.name for part in given if _is_code(part)}
            elif name == "Blocker":
                blockers |= {part.value: file.name for part in given if _is_code(part)}
            elif name == "append" and isinstance(node.args[0], ast.Tuple) and len(node.args[0].elts) == 2:
                refusals |= {part.value: file.name for part in node.args[0].elts[1:] if _is_code(part)}
        for node in ast.walk(tree):  # counts = {"CODE": …}, turned into blockers one by one
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "counts":
                keys = node.value.keys if isinstance(node.value, ast.Dict) else []
                blockers |= {key.value: file.name for key in keys if _is_code(key)}
    return refusals, blockers


@pytest.mark.parametrize("code", _codes()[0])
def test_every_refusal_in_the_source_has_a_sentence(code):
    """A person never reads a bare code: whatever the source refuses, the catalogue says."""
    assert set(REFUSALS[code]) == {"zh", "en"}


@pytest.mark.parametrize("code", _codes()[1])
def test_every_blocker_in_the_source_has_a_sentence(code):
    """What stands in the way is said too, with its number or without one, in both languages."""
    assert code in CATALOGUE
    for lang in ("zh", "en"):
        said = blocker_phrase(code, 7, lang)
        assert said != code
        assert "—" not in said


def test_the_source_was_really_read():
    """The search finds what is known to be there, of each kind."""
    refusals, blockers = _codes()
    assert {"SELF_APPROVAL", "ROWS_REFUSED", "STUDENT_NOT_IN_SESSION"} <= set(refusals)
    assert {"PROPOSALS_UNDECIDED", "HOUSEHOLDS_NOT_INVITED", "STAGE_PREREQUISITE"} <= set(blockers)


def test_a_code_that_is_both_is_a_phrase_where_it_blocks():
    """`STAGE_PREREQUISITE` as a blocker is a phrase with its number, not the refusal's sentence with a dash."""
    assert blocker_phrase("STAGE_PREREQUISITE", 2, "en") == "stages that must come first: 2 (finish them)"
    refusal = Refusal("NOT_COMPLETE", blockers=(Blocker(code="STAGE_HAS_NO_CONTENT"),))
    assert "尚无本阶段的内容" in refusal_sentence(refusal, "zh")
    assert not SHARED.keys() & BLOCKERS.keys()
