"""The gateway's database: its tables and engine. It holds references, keyed digests and signed acts, no code."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any, Final

from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, Text, UniqueConstraint, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

SQLITE_SETTINGS: Final = (
    "PRAGMA busy_timeout = 15000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a try that was counted stays counted
)
SQLITE_TRIES: Final = 300
SQLITE_PAUSE: Final = 0.05
"""Seconds between two tries of a setting: together as long as the busy time-out."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

gateway_settings = Table(
    "gateway_settings",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(128), nullable=False),
)

family_codes = Table(
    "family_codes",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("student", String(40), primary_key=True),
    Column("party", String(10), primary_key=True),
    Column("person", String(40), primary_key=True, doc="several guardians of one pupil have a code each"),
    Column("document", String(40), primary_key=True),
    Column("form", String(10), primary_key=True, doc="`letter`, or `paper` for the sealed code of a paper"),
    Column("school", String(20), nullable=False),
    Column("serial", Integer, nullable=False, doc="how many letters came before the one whose code is good"),
    Column("turn", Integer, nullable=False, doc="0, or more where another letter had drawn the same code"),
    Column("digest", String(64), nullable=False, doc="HMAC of the code under the gateway's secret"),
    Column("expires_at", String(32), nullable=False, doc="RFC 3339; the first instant at which the code is too old"),
    Column("tries", Integer, nullable=False, doc="wrong codes given for this pupil while this one was open"),
    UniqueConstraint("digest"),
    Index(None, "student"),
)

void_codes = Table(
    "void_codes",
    metadata,
    Column("digest", String(64), primary_key=True, doc="a code in whose place another letter's has come"),
    Column("campaign", String(80), nullable=False),
    Column("school", String(20), nullable=False),
    Column("student", String(40), nullable=False),
    Column("party", String(10), nullable=False),
    Column("person", String(40), nullable=False),
    Column("document", String(40), nullable=False),
)

family_acts = Table(
    "family_acts",
    metadata,
    Column("digest", String(64), primary_key=True, doc="the code that was used"),
    Column("request", String(128), primary_key=True, doc="the command id under which the act was asked for"),
    Column("body", Text, nullable=False, doc="the signed act, JSON"),
)

sms_messages = Table(
    "sms_messages",
    metadata,
    Column(
        "message_id",
        String(128),
        primary_key=True,
        doc="keyed digest of the provider's; the same again gets the same answer",
    ),
    Column("device", String(16), nullable=False, doc="digest of the sender's number, empty where it is not known"),
    Column("outcome", String(40), nullable=False, doc="`accepted`, or the code of a refusal"),
    Column("answered_at", String(32), nullable=False, doc="RFC 3339"),
    Column("answer", Text, nullable=False, doc="what the provider was told, JSON; never the family's text"),
    Index(None, "device"),
)


def create(url: str) -> AsyncEngine:
    """Return an engine whose errors show no values; on SQLite it is durable.

    On SQLite a transaction begins by taking the write lock: nearly all of them read and then write.
    """
    engine = create_async_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _connected)
        event.listen(engine.sync_engine, "begin", _begun)
    return engine


def _connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins too late for reads; `_begun` does it
    cursor = connection.cursor()
    for setting in SQLITE_SETTINGS:
        _execute_patiently(cursor, setting)
    cursor.close()


def _execute_patiently(cursor: Any, setting: str) -> None:
    """Execute a setting; the busy time-out does not cover two processes that both make a new file's log."""
    for _ in range(SQLITE_TRIES - 1):
        try:
            cursor.execute(setting)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            await_only(asyncio.sleep(SQLITE_PAUSE))
        else:
            return
    cursor.execute(setting)


def _begun(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
