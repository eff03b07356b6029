"""Several channels: ways, budgets, switches, opt-outs, receipts, and a journal of all that sending does."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

OUTBOX = sa.table(
    "outbox",
    *map(sa.column, ("state", "attempts", "tries", "person", "channel", "notice_id", "cause", "purpose", "student")),
)
EVENTS = sa.table("events", *map(sa.column, ("stream", "version", "student")))
ABOUT_A_PUPIL = ("student_overdue", "callback_overdue", "persuasion_overdue", "written_report_overdue")


def upgrade() -> None:
    """Add columns and tables; what waits untried and for nobody in particular is routed, all else stays with mail."""
    for column in (
        sa.Column("chain", sa.String(80), nullable=False, server_default=""),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("contacts", sa.Text, nullable=False, server_default=""),
        sa.Column("not_after", sa.String(32), nullable=True),
        sa.Column("digest_of", sa.String(40), nullable=True),
        sa.Column("segments", sa.Integer, nullable=False, server_default="0"),
        sa.Column("polled_at", sa.String(32), nullable=True),
        sa.Column("student", sa.String(40), nullable=True),
        sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
        sa.Column("wish", sa.String(20), nullable=False, server_default=""),
        sa.Column("muted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("repair", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("outbox", column)
    with op.batch_alter_table("outbox") as batch:
        batch.alter_column("channel", existing_type=sa.String(20), existing_nullable=False, server_default="")
    due = ["campaign", "channel", "state", "next_at", "planned_at", "notice_id"]
    op.create_index("ix_outbox_due", "outbox", due)
    _index_of_known("ix_outbox_digest_of", "outbox", "digest_of")
    _index_of_known("ix_outbox_student", "outbox", "student")
    _index_of_known("ix_outbox_copy_of", "outbox", "copy_of")
    for name in ("campaign", "student"):
        op.drop_index(f"ix_events_{name}", "events")
        op.create_index(f"ix_events_{name}", "events", [name, "type"])
    for column in (
        sa.Column("channel", sa.String(20), nullable=False, server_default="email"),
        sa.Column("template", sa.String(60), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("segments", sa.Integer, nullable=False, server_default="0"),
        sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
    ):
        op.add_column("attempts", column)
    _index_of_known("ix_attempts_provider_id", "attempts", "provider_id")
    untried = (OUTBOX.c.state == "planned", OUTBOX.c.attempts == 0, OUTBOX.c.person.is_(None))
    op.execute(OUTBOX.update().where(*untried).values(channel=""))
    op.execute(OUTBOX.update().values(tries=OUTBOX.c.attempts))
    op.execute(OUTBOX.update().where(OUTBOX.c.state == "cancelled").values(state="denied"))
    _name_pupils()
    _tables()


def _name_pupils() -> None:
    """Write down whom the notices to staff are about that were planned before: their event says it, or its stream."""
    connection = op.get_bind()
    about = sa.select(OUTBOX.c.notice_id, OUTBOX.c.cause).where(OUTBOX.c.purpose.in_(ABOUT_A_PUPIL))
    for notice_id, cause in connection.execute(about).all():
        stream, _, version = cause.rpartition("#")
        mine = (EVENTS.c.stream == stream, EVENTS.c.version == int(version))
        parts = stream.split("/")
        student = parts[-1] if "dropout" in parts else connection.scalar(sa.select(EVENTS.c.student).where(*mine))
        connection.execute(OUTBOX.update().where(OUTBOX.c.notice_id == notice_id).values(student=student))


def _tables() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("notice_id", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("provider_id", sa.String(120), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_journal"),
    )
    op.create_index("ix_journal_notice_id", "journal", ["notice_id"])
    op.create_index("ix_journal_day", "journal", ["campaign", "channel", "at"])
    op.create_table(
        "journal_days",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("closed_until", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "channel", name="pk_journal_days"),
    )
    op.create_table(
        "budget",
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("root", sa.String(40), nullable=False),
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("key", "day", "root", name="pk_budget"),
    )
    op.create_table(
        "switches",
        sa.Column("cause", sa.String(220), nullable=False),
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("scope", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("placed_at", sa.String(32), nullable=False),
        sa.Column("released_by", sa.String(220), nullable=True),
        sa.Column("released_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("cause", name="pk_switches"),
    )
    op.create_index("ix_switches_campaign", "switches", ["campaign"])
    op.create_table(
        "opt_outs",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("student", sa.String(40), nullable=False),
        sa.Column("school", sa.String(20), nullable=False),
        sa.Column("cause", sa.String(220), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "person", "student", "school", name="pk_opt_outs"),
    )
    op.create_table(
        "lost_contacts",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("notice_id", sa.String(40), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "person", "channel", name="pk_lost_contacts"),
    )
    op.create_index("ix_lost_contacts_person", "lost_contacts", ["person"])
    op.create_table(
        "receipts",
        sa.Column("receipt_id", sa.String(120), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("campaign", sa.String(80), nullable=True),
        sa.Column("notice_id", sa.String(40), nullable=True),
        sa.Column("number", sa.Integer, nullable=True),
        sa.Column("provider_id", sa.String(120), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("taken_at", sa.String(32), nullable=False),
        sa.Column("reported", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("receipt_id", name="pk_receipts"),
    )
    op.create_index("ix_receipts_notice_id", "receipts", ["notice_id"])
    op.create_index("ix_receipts_provider_id", "receipts", ["provider_id"])
    op.create_index("ix_receipts_to_report", "receipts", ["campaign", "channel", "reported"])


def _index_of_known(name: str, table: str, column: str) -> None:
    """Make an index of the rows that have a value."""
    known = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=known, postgresql_where=known)
