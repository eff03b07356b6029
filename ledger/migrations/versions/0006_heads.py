"""Signed heads of the campaigns' trees, how far each had come, and the keys that sign them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the three tables; no head is made for what is there already, the first one takes all of it in."""
    op.create_table(
        "heads",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "size", name="pk_heads"),
    )
    op.create_table(
        "marks",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("stream", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("campaign", "size", "stream", name="pk_marks"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("public", sa.String(250), nullable=False),
        sa.Column("statement", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_signing_keys"),
        sa.UniqueConstraint("public", name="uq_signing_keys_public"),
    )
