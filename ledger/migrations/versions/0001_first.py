"""The first schema: events, board, outbox, holds, archive, conflicts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables. A migration names its columns itself: it must not change when `ledger.tables` does."""
    op.create_table(
        "events",
        sa.Column("stream", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("student", sa.String(40), nullable=True),
        sa.Column("occurred_at", sa.String(32), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream", "version", name="pk_events"),
        sa.UniqueConstraint("hash", name="uq_events_hash"),
    )
    op.create_index("ix_events_campaign", "events", ["campaign"])
    op.create_index("ix_events_student", "events", ["student"])
    op.create_table(
        "boards",
        sa.Column("stream", sa.String(200), nullable=False),
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_boards"),
    )
    op.create_index("ix_boards_campaign", "boards", ["campaign"])
    op.create_table(
        "outbox",
        sa.Column("notice_id", sa.String(40), nullable=False),
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("stream", sa.String(200), nullable=False),
        sa.Column("cause", sa.String(220), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("recipient", sa.String(80), nullable=False),
        sa.Column("optional", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("planned_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("notice_id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_campaign", "outbox", ["campaign"])
    op.create_index("ix_outbox_state", "outbox", ["state", "campaign"])
    op.create_table(
        "holds",
        sa.Column("cause", sa.String(220), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("placed_at", sa.String(32), nullable=False),
        sa.Column("released_by", sa.String(220), nullable=True),
        sa.Column("released_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("cause", name="pk_holds"),
    )
    op.create_index("ix_holds_scope", "holds", ["scope"])
    op.create_table(
        "archive",
        sa.Column("workflow_id", sa.String(200), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("first_version", sa.Integer, nullable=False),
        sa.Column("last_version", sa.Integer, nullable=False),
        sa.Column("last_hash", sa.String(64), nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("history_events", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("history", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "run_id", name="pk_archive"),
    )
    op.create_index("ix_archive_campaign", "archive", ["campaign"])
    op.create_table(
        "conflicts",
        sa.Column("stream", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("expected", sa.String(64), nullable=False),
        sa.Column("found", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_conflicts"),
    )
