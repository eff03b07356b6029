"""The registry's tables (SQLAlchemy Core; the same on SQLite and PostgreSQL) and what holds for all of them.

Identity numbers are not kept: a keyed HMAC finds the pupil again (DOMAIN §5.3). Marks stay here (design, section 8).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant, stored in UTC and read with its offset; SQLite itself would forget the offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given by the library
        """Refuse an instant without offset; store the others in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs an offset")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back the offset."""
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


settings = Table(
    "registry_settings",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(128), nullable=False),
)

schools = Table(
    "schools",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("school", String(20), primary_key=True),
    Column("name", Text, nullable=False),
    Column("full_mark", Integer, nullable=False),
)

staff = Table(
    "staff",
    metadata,
    Column("campaign", String(80), primary_key=True),
    Column("staff_ref", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("role", String(40), nullable=False),
    Column("school", String(20), nullable=False),
    Column("classes", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("wecom", Text, nullable=False, server_default=""),
)

pupils = Table(
    "pupils",
    metadata,
    Column("student_ref", String(40), primary_key=True),
    Column("campaign", String(80), nullable=False),
    Column("school", String(20), nullable=False),
    Column("id_key", String(64), nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("class_id", String(20), nullable=False),
    Column("name", Text, nullable=False),
    Column("birth_date", Date, nullable=False),
    Column("mark_tenths", Integer),
    Column("absence_days", Integer),
    Column("informed", Boolean),
    Column("salt", String(32), nullable=False),
    Column("email", Text, nullable=False, server_default=""),
    Column("language", String(8), nullable=False, server_default=""),
    UniqueConstraint("campaign", "id_key", "school"),  # in this order it also finds a pupil in other schools
    Index(None, "campaign", "school"),
)

guardians = Table(
    "guardians",
    metadata,
    Column("guardian_ref", String(40), primary_key=True),
    Column("student_ref", String(40), nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", String(20), nullable=False),
    Column("email", Text, nullable=False, server_default=""),
    Column("language", String(8), nullable=False, server_default=""),
    Column("position", Integer, nullable=False, server_default="1"),
    Column("wecom", Text, nullable=False, server_default=""),
    Column("channels", Text, nullable=False, server_default="", doc="own order, separated by blanks"),
    UniqueConstraint("student_ref", "position"),
)

caregivers = Table(
    "caregivers",
    metadata,
    Column("caregiver_ref", String(40), primary_key=True),
    Column("student_ref", String(40), nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", String(20), nullable=False),
    Column("email", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("agreed", Boolean, nullable=False),
    Column("wecom", Text, nullable=False, server_default=""),
    UniqueConstraint("student_ref"),
)
"""Apart from the guardians: whatever asks for guardians can meet nobody who may not consent."""

snapshots = Table(
    "snapshots",
    metadata,
    Column("snapshot_ref", String(40), primary_key=True),
    Column("campaign", String(80), nullable=False),
    Column("school", String(20), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("full_mark", Integer, nullable=False),
    Column("pupils", Integer, nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    UniqueConstraint("campaign", "school", "digest"),
)

snapshot_pupils = Table(
    "snapshot_pupils",
    metadata,
    Column("snapshot_ref", String(40), primary_key=True),
    Column("student_ref", String(40), primary_key=True),
    Column("class_id", String(20), nullable=False),
    Column("mark_tenths", Integer),
    Column("absence_days", Integer),
    Column("informed", Boolean),
    Column("salt", String(32), nullable=False),
    Column("commitment", String(64), nullable=False),
    Index(None, "student_ref"),
)

notes = Table(
    "notes",
    metadata,
    Column("note_ref", String(40), primary_key=True),
    Column("campaign", String(80), nullable=False),
    Column("about", String(40), index=True),
    Column("text", Text, nullable=False),
    Column("salt", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
)
