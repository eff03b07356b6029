"""Letters for families that nothing else reaches: a workbook to print, hand out and fill in (FEATURES G1, G13).

Its first sheet is the list of what is to be done: whoever hands a letter out writes the outcome beside it, and the
same file is read back. The letters follow, each on pages of its own, with a slip to sign and cut off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

import xlsxwriter

from notices.catalogue import Language

COLUMNS: Final = ("notice", "outcome")
"""What is read back of the first sheet."""

MORE_COLUMNS: Final = ("receipt", "class_id", "name", "person", "purpose")
"""What stands beside it for the person who hands the letters out."""

WIDTHS: Final = (38, 16, 14, 10, 14, 14, 28)
"""Of the first sheet's columns, in characters."""

LETTERS_A_SHEET: Final = 500
"""A sheet takes at most 1023 page breaks."""

PAGE_WIDTH: Final = 88
"""Of the letters' one column, in characters: a page of A4."""

PAPER: Final = 9
"""The number of A4 in a workbook."""

ANSWER_BY_PAPER: Final[dict[Language, str]] = {
    "zh": "密封答复码不能用短信或网页答复：县教育局打电话回访时，请您本人读出，您的答复才生效；撤回不必等候回访。",
    "en": "This code is sealed and no text message or page takes it: read it out yourself when the county education "
    "bureau calls you back, and only then does your answer count. A withdrawal need not wait for the call.",
}
"""In a letter on paper, in place of where a code is sent to (DESIGN §9)."""

_SLIP: Final[dict[Language, tuple[str, ...]]] = {
    "zh": (
        "- - - - - - - - - - - - - - - - 沿此线剪下，交回学校 - - - - - - - - - - - - - - - -",
        "回执编号：{slip}",
        "我已收到这封信。　签名：＿＿＿＿＿＿＿＿　日期：＿＿＿＿＿＿＿＿",
        "签名只表示收到，不表示同意；不交回也不影响孩子。",
    ),
    "en": (
        "- - - - - - - - - - - - - - - - cut here and hand it in at school - - - - - - - - - - - - - - - -",
        "Slip {slip}",
        "I have received this letter.   Signature: ________________   Date: ________________",
        "Signing says that it arrived and agrees to nothing. Not handing it in does your child no harm.",
    ),
}
_TO: Final[dict[Language, str]] = {
    "zh": "{class_id}　{pupil}　收件：{reader}",
    "en": "{class_id}  {pupil}  to: {reader}",
}


@dataclass(frozen=True)
class PaperLetter:
    """One letter for one reader, ready to print. All that is personal stays out of every `repr`.

    Attributes:
        notice_id: the outbox's.
        class_id: canonical class id of the pupil.
        pupil: the pupil's name.
        reader: name of whom it goes to; perhaps empty.
        purpose: in words.
        lang: of the letter.
        subject: one line.
        text: the whole wording.
        template: purpose and version of the wording.
        digest: keyed digest of what is printed (`notices.proof`).
    """

    notice_id: str
    class_id: str
    pupil: str = field(repr=False)
    reader: str = field(repr=False)
    purpose: str
    lang: Language
    subject: str = field(repr=False)
    text: str = field(repr=False)
    template: str
    digest: str


def slip_number(notice_id: str) -> str:
    """Return the number on a letter's slip: nine digits by which the list finds it; it tells nothing of the family."""
    digest = int.from_bytes(hashlib.sha256(f"slip\n{notice_id}".encode()).digest()[:8], "big")
    digits = f"{digest % 10**9:09d}"
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def print_list(letters: Sequence[PaperLetter], outcomes: Sequence[str], choose: str) -> bytes:
    """Return the workbook; nothing in a cell becomes a formula or a link, and nothing is written beside it.

    Args:
        letters: in the order in which they are printed.
        outcomes: the words that the list's outcome may have.
        choose: what the spreadsheet says of any other word.
    """
    made = BytesIO()
    # in memory: the library's temporary files would lie in a folder that others can look into
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(made, options)
    text = workbook.add_format({"num_format": "@"})
    bold = workbook.add_format({"num_format": "@", "bold": True})
    page = workbook.add_worksheet("list")
    page.write_row(0, 0, (*COLUMNS, *MORE_COLUMNS), bold)
    page.freeze_panes(1, 0)
    page.set_landscape()
    page.set_paper(PAPER)
    page.repeat_rows(0)
    page.fit_to_pages(1, 0)
    for column, width in enumerate(WIDTHS):
        page.set_column(column, column, width, text)
    for row, one in enumerate(letters, start=1):
        cells = (one.notice_id, "", slip_number(one.notice_id), one.class_id, one.pupil, one.reader, one.purpose)
        page.write_row(row, 0, cells, text)
    if letters:
        page.data_validation(
            1, 1, len(letters), 1, {"validate": "list", "source": list(outcomes), "error_message": choose}
        )
    for start in range(0, len(letters), LETTERS_A_SHEET):
        _pages(workbook, f"letters {start // LETTERS_A_SHEET + 1}", letters[start : start + LETTERS_A_SHEET])
    workbook.close()
    return made.getvalue()


def _pages(workbook: Any, name: str, letters: Sequence[PaperLetter]) -> None:
    """Write letters into a sheet, one under the other, each from the top of a page."""
    wrapped = workbook.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    heading = workbook.add_format({"num_format": "@", "text_wrap": True, "bold": True})
    page = workbook.add_worksheet(name)
    page.set_paper(PAPER)
    page.set_column(0, 0, PAGE_WIDTH, wrapped)  # no fitting to a page's width: it would undo the breaks
    row, breaks = 0, []
    for letter in letters:
        breaks.append(row)
        page.write_string(row, 0, letter.subject, heading)
        for line in lines_of(letter):
            row += 1
            page.write_string(row, 0, line, wrapped)
        row += 1
    page.set_h_pagebreaks(breaks[1:])


def lines_of(letter: PaperLetter) -> tuple[str, ...]:
    """Return the lines under a letter's heading: the text, whom it is for, and the slip without anybody's name."""
    to = _TO[letter.lang].format(class_id=letter.class_id, pupil=letter.pupil, reader=letter.reader)
    slip = [line.format(slip=slip_number(letter.notice_id)) for line in _SLIP[letter.lang]]
    return ("", *letter.text.rstrip("\n").split("\n"), "", to, "", *slip)
