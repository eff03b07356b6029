"""Several channels: ways, budgets, switches, opt-outs, receipts, and a journal of all that sending does."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

OUTBOX = sa.table("outbox", *map(sa.column, ("state", "attempts", "tries", "person", "channel")))


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
    ):
        op.add_column("outbox", column)
    with op.batch_alter_table("outbox") as batch:
        batch.alter_column("channel", existing_type=sa.String(20), existing_nullable=False, server_default="")
    due = ["campaign", "channel", "state", "next_at", "planned_at", "notice_id"]
    op.create_index("ix_outbox_due", "outbox", due)
    op.create_index("ix_outbox_digest_of", "outbox", ["digest_of"])
    op.create_index("ix_outbox_copy_of", "outbox", ["copy_of"])
    for column in (
        sa.Column("channel", sa.String(20), nullable=False, server_default="email"),
        sa.Column("template", sa.String(60), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("segments", sa.Integer, nullable=False, server_default="0"),
    ):
        op.add_column("attempts", column)
    op.create_index("ix_attempts_provider_id", "attempts", ["provider_id"])
    untried = (OUTBOX.c.state == "planned", OUTBOX.c.attempts == 0, OUTBOX.c.person.is_(None))
    op.execute(OUTBOX.update().where(*untried).values(channel=""))
    op.execute(OUTBOX.update().values(tries=OUTBOX.c.attempts))
    op.execute(OUTBOX.update().where(OUTBOX.c.state == "cancelled").values(state="denied"))
    _tables()


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
        sa.Column("cause", sa.String(220), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "person", "student", name="pk_opt_outs"),
    )
    op.create_table(
        "receipts",
        sa.Column("receipt_id", sa.String(120), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("campaign", sa.String(80), nullable=True),
        sa.Column("notice_id", sa.String(40), nullable=True),
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
