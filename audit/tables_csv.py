"""A campaign's events as CSV for a spreadsheet: one row an event, and no cell that a spreadsheet would compute.

A cell that begins with =, +, -, @, a tabulator or a carriage return can become a formula where the file is opened, also
behind blanks and in the full-width forms of a Chinese keyboard. Such a cell gets an apostrophe before it, and so does
one that has an apostrophe already: whoever takes one apostrophe away has the text again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from domain.canonical import encode
from domain.event_sentences import event_sentence
from domain.events import Envelope, event_id
from domain.words import WORDS

QUOTE: Final = "'"
DANGEROUS: Final = "=+-@＝＋－＠\t\r\n'"
"""First characters that are not left as they are; a line feed is one, for some programs drop it."""

BLANKS: Final = " \u3000\xa0\u200b\ufeff"
"""What a program may drop at the beginning of a cell, so that what follows comes first."""

BYTE_ORDER_MARK: Final = "\ufeff"
"""Spreadsheets take a CSV for UTF-8 only where it begins with this."""

HEADERS: Final[dict[str, tuple[str, str]]] = {
    "event": ("事件编号", "event"),
    "stream": ("流程", "stream"),
    "version": ("序号", "version"),
    "recorded_at": ("记录时间", "recorded at"),
    "occurred_at": ("发生时间", "occurred at"),
    "type": ("事件类型", "type"),
    "sentence": ("说明", "what happened"),
    "role": ("角色", "role"),
    "actor": ("办理人", "actor"),
    "organisation": ("单位", "organisation"),
    "on_behalf_of": ("受谁委托", "on behalf of"),
    "command_id": ("操作编号", "command"),
    "causation": ("起因事件", "caused by"),
    "policy": ("政策口径", "policy"),
    "data": ("内容（JSON）", "data (JSON)"),
    "hash": ("哈希", "hash"),
}
"""Column → its title in Chinese and English."""


def safe_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula."""
    first = text.lstrip(BLANKS)[:1]
    return QUOTE + text if first and first in DANGEROUS else text


def csv_lines(envelopes: Iterable[Envelope], lang: str) -> Iterator[bytes]:
    """Yield the header and one row for each event, in the order given: UTF-8 with a mark, lines end as RFC 4180 says.

    Args:
        envelopes: the events.
        lang: language of header and sentences, "zh" or "en".
    """
    yield BYTE_ORDER_MARK.encode() + _line([titles[lang == "en"] for titles in HEADERS.values()])
    for envelope in envelopes:
        yield _line([safe_cell(cell) for cell in _cells(envelope, lang)])


def _cells(envelope: Envelope, lang: str) -> list[str]:
    actor, policy = envelope["actor"], envelope["policy"]
    return [
        event_id(envelope["stream"], envelope["version"]),
        envelope["stream"],
        str(envelope["version"]),
        envelope["recorded_at"],
        envelope["occurred_at"],
        envelope["type"],
        event_sentence(envelope, lang),
        WORDS.get(actor["role"], {}).get(lang, actor["role"]),
        actor["id"],
        actor["organisation"],
        actor["on_behalf_of"] or "",
        envelope["command_id"] or "",
        envelope["causation"] or "",
        f"{policy['id']} {policy['version']}",
        encode(envelope["data"]),
        envelope["hash"],
    ]


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow(cells)  # whatever parts cells elsewhere
    return text.getvalue().encode()
