"""Events as CSV: one row an event, and nothing in it that a spreadsheet would compute."""

from __future__ import annotations

import csv
import io

import pytest
from audit_small_log import CAMPAIGN, FILING, good
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit.tables_csv import HEADERS, csv_lines, safe_cell

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
DROPPED = " \u3000\xa0\u200b\ufeff"
"""What a program may drop before it looks at a cell."""

DRAFTED = good()[CAMPAIGN][0]


def table(envelopes, lang="en"):
    """Read the rows back as a spreadsheet does."""
    text = b"".join(csv_lines(envelopes, lang)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def is_formula(cell):
    """Tell whether a spreadsheet could compute a cell."""
    return cell.lstrip(DROPPED).startswith(FORMULA)


@given(st.text(st.sampled_from([*"=+-@＝＋－＠'\t\r\n\",; a1(", "\u3000", "\ufeff"])) | st.text())
@example('=HYPERLINK("https://example.invalid","x")')
@example("  +1")
@example("\ufeff=1")
@example("'=1")
def test_no_cell_starts_a_formula_and_each_gives_its_text_back(text):
    """Whatever is written: quoted where it must be, and one apostrophe less is the text again."""
    safe = safe_cell(text)
    assert not is_formula(safe)
    assert safe in (text, f"'{text}")
    assert safe.removeprefix("'") == text


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["command_id", "causation"]), st.text(min_size=1)), st.text(min_size=1))
def test_no_cell_of_a_row_starts_a_formula(fields, actor):
    """Also in a forged event, where any text may stand; quotes, commas and line feeds stay in their cell."""
    forged = {**DRAFTED, **fields, "actor": {**DRAFTED["actor"], "id": actor, "organisation": actor}}
    header, row = table([forged])
    assert len(header) == len(row) == len(HEADERS)
    assert not any(map(is_formula, row))


def test_one_row_an_event_with_titles_in_both_languages():
    """The mark that spreadsheets need, lines as RFC 4180 ends them, and the event's own sentence."""
    events = good()[FILING]
    raw = b"".join(csv_lines(events, "zh"))
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == len(events) + 1 == raw.count(b"\n")
    chinese, english = table(events, "zh"), table(events, "en")
    assert chinese[0][:3] == ["事件编号", "流程", "序号"]
    assert english[0][:3] == ["event", "stream", "version"]
    assert [row[0] for row in english[1:]] == [f"{FILING}#{event['version']}" for event in events]
    assert all(row[6] and row[-1] == event["hash"] for row, event in zip(chinese[1:], events, strict=True))
    assert chinese[1][6] != english[1][6]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_negative_number_in_the_data_is_no_formula(lang):
    """Data stand in their cell as JSON, which begins with a brace."""
    _, row = table([{**DRAFTED, "data": {"delta_fen": -300}}], lang)
    assert row[-2] == '{"delta_fen":-300}'
