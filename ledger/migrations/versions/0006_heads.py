"""Signed heads of the campaigns' trees, how far each had come, where they were put, and the keys that sign them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables; no head is made for what is there already, the first one takes all of it in."""
    op.create_table(
        "heads",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("edge", sa.Text, nullable=False),
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
    op.create_index("ix_marks_stream", "marks", ["campaign", "stream", "version"])
    op.create_table(
        "anchors",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("place", sa.String(20), nullable=False),
        sa.Column("by", sa.Integer, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "size", "place", name="pk_anchors"),
    )
    op.create_table(
        "stamps",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("authority", sa.String(200), nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("campaign", "size", "authority", name="pk_stamps"),
    )
    op.create_table(
        "head_troubles",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("place", sa.String(250), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", name="pk_head_troubles"),
    )
    op.create_table(
        "exports",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("by", sa.String(40), nullable=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "number", name="pk_exports"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("public", sa.String(250), nullable=False),
        sa.Column("statement", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_signing_keys"),
        sa.UniqueConstraint("public", name="uq_signing_keys_public"),
    )
