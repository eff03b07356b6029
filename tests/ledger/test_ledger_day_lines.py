"""A day's lines are canonical: whoever verifies them has another implementation."""

from __future__ import annotations

import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.journal import SETTLED_COLUMNS, line_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(values=st.lists(st.none() | TEXTS | st.integers(0, 2**53 - 1), min_size=9, max_size=9))
@example(values=['"\\/', "\x00\x1f\b\f\n\r\t", "\x7f\u2028\u2029", "王\U0001f600", None, 0, "", "</script>", "\ufeff"])
def test_a_line_is_what_the_rule_of_canonical_json_says(values):
    """Every character and every number that a row may hold (RFC 8785)."""
    row = dict(zip(SETTLED_COLUMNS, values, strict=True))
    assert line_of(tuple(values)) == rfc8785.dumps(row)
