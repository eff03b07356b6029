"""Sending: what became of each notice, every attempt, and the pupils who get no more notices."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns and tables; rows that are there stay planned and have not been tried."""
    for column in (
        sa.Column("channel", sa.String(20), nullable=False, server_default="email"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", sa.String(32), nullable=True),
        sa.Column("lease_until", sa.String(32), nullable=True),
        sa.Column("state_at", sa.String(32), nullable=True),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("provider_id", sa.String(120), nullable=True),
        sa.Column("template", sa.String(60), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
    ):
        op.add_column("outbox", column)
    op.create_index("ix_outbox_recipient", "outbox", ["recipient"])
    op.create_table(
        "attempts",
        sa.Column("notice_id", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32), nullable=True),
        sa.Column("outcome", sa.String(20), nullable=True),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("provider_id", sa.String(120), nullable=True),
        sa.PrimaryKeyConstraint("notice_id", "number", name="pk_attempts"),
    )
    op.create_table(
        "suppressions",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("student", sa.String(40), nullable=False),
        sa.Column("cause", sa.String(220), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "student", name="pk_suppressions"),
    )
