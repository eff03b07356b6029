"""The ledger's tables; the same on SQLite and PostgreSQL. Times are RFC 3339 text, as they stand in the events."""

from __future__ import annotations

from collections import namedtuple
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Result,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _index_of_known(name: str, column: str) -> Index:
    """Return an index of the rows that have a value: where few do, the others pay nothing for it."""
    known = text(f"{column} IS NOT NULL")
    return Index(name, column, sqlite_where=known, postgresql_where=known)


events = Table(
    "events",
    metadata,
    Column("stream", String(200), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("campaign", String(80), nullable=False),
    Column("type", String(64), nullable=False),
    Column("student", String(40), nullable=True),
    Column("occurred_at", String(32), nullable=False),
    Column("recorded_at", String(32), nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("body", Text, nullable=False, doc="the canonical text of the whole envelope"),
    UniqueConstraint("hash"),
    Index("ix_events_campaign", "campaign", "type"),
    Index("ix_events_student", "student", "type"),  # most pupils have no event of the types that a notice asks for
)

boards = Table(
    "boards",
    metadata,
    Column("stream", String(200), primary_key=True),
    Column("campaign", String(80), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("body", Text, nullable=False, doc="the stream's line of the board, JSON"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("notice_id", String(40), primary_key=True),
    Column("campaign", String(80), nullable=False, index=True),
    Column("stream", String(200), nullable=False),
    Column("cause", String(220), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("recipient", String(80), nullable=False),
    Column("optional", Boolean, nullable=False),
    Column("state", String(20), nullable=False, doc="domain.notices.NoticeState"),
    Column("planned_at", String(32), nullable=False),
    Column("channel", String(20), nullable=False, server_default="", doc="empty until its readers are looked up"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", String(32), nullable=True, doc="when it is due, in a waiting state"),
    Column("lease_until", String(32), nullable=True, doc="when a claim ends, or an attempt counts as lost"),
    Column("state_at", String(32), nullable=True, doc="since when the state is what it is; empty: planned"),
    Column("code", String(40), nullable=True, doc="why, where something went wrong"),
    Column("provider_id", String(120), nullable=True, doc="what the mail server calls it"),
    Column("template", String(60), nullable=True, doc="purpose/version of what was sent last"),
    Column("digest", String(64), nullable=True, doc="keyed digest of what was sent last, never the text"),
    Column("person", String(40), nullable=True, doc="whom of the household it goes to, once that was looked up"),
    Column("copy_of", String(40), nullable=True, doc="the household's row that this one was made beside"),
    Column("chain", String(80), nullable=False, server_default="", doc="the ways that are left, with spaces"),
    Column("tries", Integer, nullable=False, server_default="0", doc="on this channel, since a person's last retry"),
    Column("contacts", Text, nullable=False, server_default="", doc="keyed digests of the household's addresses"),
    Column("not_after", String(32), nullable=True, doc="from then on it would come too late"),
    Column("digest_of", String(40), nullable=True, doc="the notice in whose message it stands"),
    Column("segments", Integer, nullable=False, server_default="0", doc="text messages that were charged"),
    Column("polled_at", String(32), nullable=True, doc="when the provider was last asked for its receipt"),
    Column("generation", Integer, nullable=False, server_default="0", doc="how often a person has had it sent again"),
    Column("wish", String(20), nullable=False, server_default="", doc="the channel a person asked for, until routed"),
    Column("muted", Boolean, nullable=False, server_default=false(), doc="a person wants it sent no more"),
    Column("repair", Boolean, nullable=False, server_default=false(), doc="an address of its reader is none any more"),
    Column("student", String(40), nullable=True, doc="the pupil whom a notice to staff is about"),
    Index("ix_outbox_recipient", "recipient"),
    _index_of_known("ix_outbox_student", "student"),
    Index("ix_outbox_due", "campaign", "channel", "state", "next_at", "planned_at", "notice_id"),
    _index_of_known("ix_outbox_digest_of", "digest_of"),
    _index_of_known("ix_outbox_copy_of", "copy_of"),
)

_WholeRow: Final[Any] = namedtuple("_WholeRow", outbox.c.keys())  # type: ignore[misc]  # noqa: PYI024 - as the table says


def whole_rows(found: Result[Any]) -> list[Any]:
    """Return rows of `select(outbox)` with fields that cost nothing to read: each mail reads dozens of them."""
    return list(map(_WholeRow._make, found.all()))


attempts = Table(
    "attempts",
    metadata,
    Column("notice_id", String(40), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32), nullable=True),
    Column("outcome", String(20), nullable=True, doc="a state; empty while the attempt is under way"),
    Column("code", String(40), nullable=True),
    Column("provider_id", String(120), nullable=True),
    Column("channel", String(20), nullable=False, server_default="email"),
    Column("template", String(60), nullable=True),
    Column("digest", String(64), nullable=True),
    Column("segments", Integer, nullable=False, server_default="0"),
    Column("generation", Integer, nullable=False, server_default="0", doc="the notice's when it began"),
    _index_of_known("ix_attempts_provider_id", "provider_id"),
)

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("campaign", String(80), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("notice_id", String(40), nullable=False, index=True),
    Column("number", Integer, nullable=False, doc="of the attempt; 0: before the first"),
    Column("state", String(20), nullable=False),
    Column("code", String(40), nullable=True),
    Column("provider_id", String(120), nullable=True),
    Column("digest", String(64), nullable=True),
    Column("at", String(32), nullable=False),
    Index("ix_journal_day", "campaign", "channel", "at"),
)

journal_days = Table(
    "journal_days",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("channel", String(20), primary_key=True),
    Column("closed_until", String(32), nullable=False, doc="the journal before this instant does not change any more"),
)

budget = Table(
    "budget",
    metadata,
    Column("key", String(16), primary_key=True, doc="keyed digest of an address of the household"),
    Column("day", String(10), primary_key=True, doc="civil day"),
    Column("root", String(40), primary_key=True, doc="the household's row of the message"),
    Column("campaign", String(80), nullable=False),
)

switches = Table(
    "switches",
    metadata,
    Column("cause", String(220), primary_key=True),
    Column("campaign", String(80), nullable=False, index=True),
    Column("kind", String(20), nullable=False, doc="channel, purpose or school"),
    Column("scope", String(80), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("placed_at", String(32), nullable=False),
    Column("released_by", String(220), nullable=True),
    Column("released_at", String(32), nullable=True),
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("person", String(40), primary_key=True),
    Column("student", String(40), primary_key=True),
    Column("school", String(20), primary_key=True, doc="it holds for its notices alone; empty: for all"),
    Column("cause", String(220), nullable=False),
    Column("at", String(32), nullable=False),
)

lost_contacts = Table(
    "lost_contacts",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("person", String(40), primary_key=True),
    Column("channel", String(20), primary_key=True, doc="it does not find this person any more"),
    Column("notice_id", String(40), nullable=False, doc="that did not arrive"),
    Column("code", String(40), nullable=False),
    Column("at", String(32), nullable=False),
    Index("ix_lost_contacts_person", "person"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("receipt_id", String(120), primary_key=True),
    Column("channel", String(20), nullable=False),
    Column("campaign", String(80), nullable=True, doc="empty until the message is known that it is about"),
    Column("notice_id", String(40), nullable=True, index=True),
    Column("number", Integer, nullable=True, doc="of the attempt that it is about, once that was looked up"),
    Column("provider_id", String(120), nullable=True, index=True),
    Column("state", String(20), nullable=False),
    Column("code", String(40), nullable=True),
    Column("at", String(32), nullable=False, doc="by the provider"),
    Column("taken_at", String(32), nullable=False),
    Column("reported", Boolean, nullable=False, server_default=false(), doc="whether the campaign was told"),
    Index("ix_receipts_to_report", "campaign", "channel", "reported"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("student", String(40), primary_key=True),
    Column("code", String(40), primary_key=True, server_default="LEFT_REGISTER", doc="domain.silences.Silence"),
    Column("cause", String(220), nullable=False, doc="the event after which nothing more is sent"),
    Column("reason", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("cause", String(220), primary_key=True),
    Column("scope", String(200), nullable=False, index=True, doc="the campaign's or the school's id"),
    Column("reason", String(64), nullable=False),
    Column("placed_at", String(32), nullable=False),
    Column("released_by", String(220), nullable=True),
    Column("released_at", String(32), nullable=True),
)

archive = Table(
    "archive",
    metadata,
    Column("workflow_id", String(200), primary_key=True),
    Column("run_id", String(64), primary_key=True),
    Column("campaign", String(80), nullable=False, index=True),
    Column("first_version", Integer, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("last_hash", String(64), nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("history_events", Integer, nullable=False),
    Column("digest", String(64), nullable=False, doc="SHA-256 of the uncompressed JSON"),
    Column("history", LargeBinary, nullable=False, doc="gzip of the history's JSON"),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("stream", String(200), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("expected", String(64), nullable=False),
    Column("found", String(64), nullable=False),
)

heads = Table(
    "heads",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("size", Integer, primary_key=True, doc="how many events the head's tree has"),
    Column("root", String(64), nullable=False),
    Column("note", Text, nullable=False, doc="the signed checkpoint (C2SP), whole"),
    Column("made_at", String(32), nullable=False, doc="by the clock of whoever made it: it proves nothing"),
    Column("edge", Text, nullable=False, doc="roots of the tree's complete subtrees, hex, the largest first"),
)

head_templates = Table(
    "head_templates",
    metadata,
    Column("digest", String(64), primary_key=True, doc="SHA-256 of the list; heads name it by this"),
    Column("listed", Text, nullable=False, doc="JSON: label of each template → SHA-256 of its file"),
)

marks = Table(
    "marks",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("size", Integer, primary_key=True, doc="of the head that the stream moved in"),
    Column("stream", String(200), primary_key=True),
    Column("version", Integer, nullable=False, doc="how far the head came in the stream"),
    Index("ix_marks_stream", "campaign", "stream", "version"),
)

anchors = Table(
    "anchors",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("size", Integer, primary_key=True, doc="of the head"),
    Column("place", String(20), primary_key=True, doc="where outside it was put: directory, mail"),
    Column("by", Integer, nullable=False, doc="size of the head that was put there, this one or one that covers it"),
    Column("at", String(32), nullable=False),
)

stamps = Table(
    "stamps",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("size", Integer, primary_key=True, doc="of the head"),
    Column("authority", String(200), primary_key=True, doc="where it was asked for"),
    Column("token", LargeBinary, nullable=False, doc="the answer of the time-stamp authority (RFC 3161), DER"),
)

head_troubles = Table(
    "head_troubles",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("code", String(40), nullable=False, doc="why no head is signed by itself, or none is put outside"),
    Column("place", String(250), nullable=False),
    Column("since", String(32), nullable=False, doc="when it was first seen"),
)

exports = Table(
    "exports",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, doc="1 for the first, then one by one"),
    Column("by", String(40), nullable=True, doc="reference of whoever exported; nobody was named: null"),
    Column("at", String(32), nullable=False),
    Column("events", Integer, nullable=False, doc="how many events the bundle holds"),
    Column("size", BigInteger, nullable=False, doc="of the file, in bytes"),
    Column("sha256", String(64), nullable=False, doc="of the file"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False, doc="1 for the first key, then one by one"),
    Column("public", String(250), nullable=False, doc="name+id+base64"),
    Column("statement", Text, nullable=True, doc="by which it followed the one before, signed by both"),
    UniqueConstraint("public"),
)

Index("ix_outbox_state", outbox.c.state, outbox.c.campaign)
