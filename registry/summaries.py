"""Schools' summaries, kept over all campaigns of a county, and what of one stands in an earlier one (R-19).

A text may hold names: it stays here, and events know its reference, a salted digest and counts. A text counts as
*earlier* from the moment when it is compared itself, since only then its stream has taken it: what a school tried to
hand in and was refused is compared with nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Index, Integer, RowMapping, String, Table, Text, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.refusal import Refusal
from domain.similarity import normalised, shared, shingles
from registry import database
from registry.problems import InputRejected
from registry.records import digest_of
from registry.references import References
from registry.sheets import OLE, ZIP, decoded
from registry.tables import UtcDateTime, metadata

LARGEST: Final = 2 * 1024 * 1024
"""Bytes. A long report of a school has some twenty thousand characters."""

SHORTEST: Final = 100
"""Letters and digits of a summary; what is shorter says nothing that could be compared."""

ROWS_AT_ONCE: Final = 50

summaries = Table(
    "summaries",
    metadata,
    Column("summary_ref", String(40), primary_key=True),
    Column("county", String(60), nullable=False),
    Column("campaign", String(80), nullable=False),
    Column("school", String(20), nullable=False),
    Column("about", String(40), nullable=False),
    Column("command_id", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("salt", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("number", Integer, unique=True),
    Column("kept_at", UtcDateTime, nullable=False),
    Index(None, "county"),
    Index("ix_summaries_command", "campaign", "command_id", unique=True),
)
"""`number` orders the summaries that a stream has taken; none before. `command_id` makes a second try the same."""


@dataclass(frozen=True, slots=True)
class KeptSummary:
    """A summary's text that the registry keeps.

    Attributes:
        ref, digest, characters: its reference, its salted digest, its length.
        new: whether this call has kept it; False where the same command had kept it before.
    """

    ref: str
    digest: str
    characters: int
    new: bool


class SummaryChangedError(Exception):
    """The registry does not hold the text that was handed in; the message has the reference only."""


class Summaries:
    """The summaries of one registry."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = database.writing(engine)

    async def keep(
        self, campaign: str, school: str, about: str, text: str, references: References, *, command_id: str
    ) -> KeptSummary:
        """Keep a text under a new reference; the same command again finds it.

        Raises:
            Refusal: COMMAND_ID_REUSED, the command has kept another text.
        """
        async with self._writing.begin() as connection:
            known = select(summaries).where(summaries.c.campaign == campaign, summaries.c.command_id == command_id)
            held = (await connection.execute(known)).mappings().one_or_none()
            if held is not None:
                if (held["school"], held["about"], held["text"]) != (school, about, text):
                    raise Refusal("COMMAND_ID_REUSED", command_id=command_id)
                return KeptSummary(held["summary_ref"], held["digest"], len(text), new=False)
            ref, salt = references.summary(), references.salt()
            digest = _digest(ref, text, salt)
            await connection.execute(
                insert(summaries).values(
                    summary_ref=ref,
                    county=_county(campaign),
                    campaign=campaign,
                    school=school,
                    about=about,
                    command_id=command_id,
                    text=text,
                    salt=salt,
                    digest=digest,
                    kept_at=datetime.now(UTC),
                )
            )
        return KeptSummary(ref, digest, len(text), new=True)

    async def discard(self, summary_ref: str) -> None:
        """Forget a text that no stream took; one that was compared stays whatever happens.

        Only who kept it a moment ago and was refused may call this: until a text is compared, the registry does not
        know that a stream took it.
        """
        query = delete(summaries).where(summaries.c.summary_ref == summary_ref, summaries.c.number.is_(None))
        async with self._writing.begin() as connection:
            await connection.execute(query)

    async def text(self, summary_ref: str) -> str | None:
        """Return a summary's text, None where it is unknown."""
        query = select(summaries.c.text).where(summaries.c.summary_ref == summary_ref)
        async with self._engine.connect() as connection:
            found = (await connection.execute(query)).scalar_one_or_none()
        return None if found is None else str(found)

    async def compare(
        self, summary_ref: str, digest: str, length: int, *, campaign: str, school: str, about: str
    ) -> dict[str, Any]:
        """Compare a summary that was handed in with all earlier ones of its county, of this year and of years before.

        Earlier versions of the same summary are left out: a rewriting is like what was returned. Again gives the same.

        Args:
            summary_ref: the summary.
            digest: the digest that was handed in with it.
            length: characters of a shingle.
            campaign: in which it was handed in.
            school: whose it is.
            about: its stage, or year; the text must have been kept for these three.

        Returns:
            The fields of `domain.summaries_events.Comparison`.

        Raises:
            SummaryChangedError: there is no such text, it was kept for another place, or it is no longer the one that
                was handed in.
        """
        async with self._writing.begin() as connection:
            query = select(summaries).where(summaries.c.summary_ref == summary_ref)
            own = (await connection.execute(query)).mappings().one_or_none()
            if own is None or _topic(own) != (campaign, school, about):
                raise SummaryChangedError(summary_ref)
            if own["digest"] != digest or _digest(summary_ref, own["text"], own["salt"]) != digest:
                raise SummaryChangedError(summary_ref)
            number = own["number"] or await _numbered(connection, summary_ref)
        runs = await asyncio.to_thread(lambda: shingles(normalised(own["text"]), length))
        compared, best = 0, {True: _NOTHING, False: _NOTHING}
        async with self._engine.connect() as connection:
            earlier = select(summaries).where(summaries.c.county == own["county"], summaries.c.number < number)
            found = await connection.stream(earlier.order_by(summaries.c.number))
            async for rows in found.mappings().partitions(ROWS_AT_ONCE):
                others = [row for row in rows if _topic(row) != _topic(own)]
                compared += len(others)
                await asyncio.to_thread(_look, runs, others, length, own["school"], best)
        return {
            "summary": summary_ref,
            "shingle": length,
            "shingles": len(runs),
            "compared": compared,
            "matches": [match for match in (best[False], best[True]) if match["shared"]],
        }


def read_summary(path: Path) -> str:
    """Read a summary: a text file (UTF-8, GB18030 or UTF-16), also Markdown.

    Raises:
        InputRejected: SUMMARY_FILE_MISSING, SUMMARY_FILE_INVALID (no text, or too large), SUMMARY_TOO_SHORT.
    """
    if not path.is_file():
        raise InputRejected(
            "SUMMARY_FILE_MISSING",
            message_zh=f"找不到文件 {path.name}。",
            message_en=f"There is no file {path.name}.",
            place=path.name,
            remedy_zh="请核对文件的路径。",
            remedy_en="Check the path of the file.",
        )
    content = path.read_bytes() if path.stat().st_size <= LARGEST else ZIP
    text = None if content.startswith((ZIP, OLE, b"%PDF")) else decoded(content)
    if text is None:
        raise InputRejected(
            "SUMMARY_FILE_INVALID",
            message_zh="该文件不是纯文本，或大于 2 MB。",
            message_en="The file is no plain text, or larger than 2 MB.",
            place=path.name,
            remedy_zh="请在文字处理软件中另存为“纯文本（.txt）”，编码选 UTF-8 或 GB18030。",
            remedy_en="Save it from the word processor as plain text (.txt), in UTF-8 or GB18030.",
        )
    if len(normalised(text)) < SHORTEST:
        raise InputRejected(
            "SUMMARY_TOO_SHORT",
            message_zh=f"总结正文不足 {SHORTEST} 字。",
            message_en=f"The summary has fewer than {SHORTEST} letters and digits.",
            place=path.name,
            remedy_zh="请提交写完的总结全文。",
            remedy_en="Hand in the whole text of the finished summary.",
        )
    return text


_NOTHING: Final[dict[str, Any]] = {"shared": 0}


def _look(runs: frozenset[str], rows: Iterable[RowMapping], length: int, school: str, best: dict[bool, Any]) -> None:
    """Keep the best match among other schools' texts and among the school's own; the earliest of equals."""
    for row in rows:
        own, count = row["school"] == school, shared(runs, normalised(row["text"]), length)
        if count > best[own]["shared"]:
            place = {name: row[name] for name in ("campaign", "school", "about")}
            best[own] = {"summary": row["summary_ref"], **place, "shared": count}


async def _numbered(connection: AsyncConnection, summary_ref: str) -> int:
    """Give the summary its place behind all that were taken before; of two at once, one is tried again."""
    last = (await connection.execute(select(func.max(summaries.c.number)))).scalar_one_or_none()
    number = (last or 0) + 1
    await connection.execute(update(summaries).where(summaries.c.summary_ref == summary_ref).values(number=number))
    return number


def _topic(row: RowMapping) -> tuple[str, str, str]:
    return row["campaign"], row["school"], row["about"]


def _county(campaign: str) -> str:
    return campaign.split("/")[1]


def _digest(ref: str, text: str, salt: str) -> str:
    return digest_of({"summary_ref": ref, "text": text, "salt": salt})
