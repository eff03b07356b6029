from __future__ import annotations

from collections import OrderedDict
from enum import IntEnum, StrEnum

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain import canonical as module
from domain.canonical import SAFE_INTEGER, canonical, is_plain
from domain.events import GENESIS, canonical_text, digest, recomputed_hash

CHARACTERS = st.characters() | st.sampled_from('\x00\x08\x0c\x1f\n\r\t"\\/\x7f\x80\u2028\u2029\ud800\udfff\ue000\uffff')
TEXTS = st.text(CHARACTERS | st.sampled_from("\U00010000\U0001f600\U0010ffff"), max_size=8)
NUMBERS = st.integers() | st.floats() | st.sampled_from([SAFE_INTEGER, SAFE_INTEGER + 1, -SAFE_INTEGER - 1, 1e21, -0.0])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.integers(0, 3), inner, max_size=4),
    max_leaves=12,
)


class Colour(StrEnum):
    """A text that is more than a text."""

    RED = "red"


class Level(IntEnum):
    """A number that is more than a number."""

    ONE = 1


def written(write, value):
    """Return what is written, or the type and the words of the error."""
    try:
        return write(value)
    except ValueError as error:
        return type(error), str(error)


@given(ANYTHING)
@example({"\uffff": 1, "\U00010000": 2})
@example({"\ud800": 1})
@example([float("nan"), 1.0, 1e-7, 10.0**20])
@settings(deadline=None, max_examples=300)
def test_the_bytes_are_those_of_the_rfc_8785_package_whatever_comes(value):
    """Both ways write the same, and what has no form is refused with the same words."""
    assert written(canonical, value) == written(rfc8785.dumps, value)


@given(ANYTHING)
@settings(deadline=None)
def test_a_plain_value_needs_no_package(value):
    """What is looked at first is enough: the standard library alone writes RFC 8785."""
    if is_plain(value):
        text = written(rfc8785.dumps, value)
        assert isinstance(text, tuple) or module.encode(value).encode() == text


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": [1, "é\u2028\U0001f600", None, True, {}]}, True),
        (SAFE_INTEGER, True),
        (SAFE_INTEGER + 1, False),
        ([-SAFE_INTEGER - 1], False),
        (1.0, False),
        ({"é": 1}, False),
        ({1: "a"}, False),
        ({"a": {"b": {"é": 1}}}, False),
        ({"a": (1, 2)}, False),
        ([Colour.RED], False),
        ([Level.ONE], False),
        (OrderedDict(a=1), False),
        ({"a": {1, 2}}, False),
    ],
)
def test_only_what_both_write_alike_is_plain(value, plain):
    """A fraction, a number beyond 2^53, another key or type is the package's, deep inside, too."""
    assert is_plain(value) is plain


def test_the_house_s_own_values_go_the_quick_way(monkeypatch):
    """An event costs the standard library's encoder; the package is not asked."""
    monkeypatch.setattr(module.rfc8785, "dumps", None)
    assert canonical({"b": "云岭", "a": [1, None, {"c": False}]}) == '{"a":[1,null,{"c":false}],"b":"云岭"}'.encode()


def test_a_hash_is_computed_a_second_time_by_the_package_alone(monkeypatch):
    """Whoever verifies does not use what he verifies: with a broken encoder at work the two differ."""
    body = {"data": {"number": 7}, "prev_hash": GENESIS}
    assert recomputed_hash(body | {"hash": "x"}) == digest(body)
    monkeypatch.setattr(module, "encode", lambda _value: "{}")
    assert recomputed_hash(body | {"hash": "x"}) != digest(body)


@pytest.mark.parametrize("data", [{"number": 2**60}, {"number": float("inf")}, {"\ud800": 1}, ["\udfff"]])
def test_an_event_without_a_canonical_form_has_no_hash(data):
    """Somebody with a key to the database wrote it: the audit says so and does not break."""
    assert recomputed_hash({"data": data}) == ""


def test_the_text_of_an_event_that_the_ledger_keeps_is_the_canonical_one():
    """Text and hash are of the same bytes."""
    body = {"z": "\x7f\u2028", "a": {"b": [1, None]}}
    assert canonical_text(body).encode() == canonical(body)
