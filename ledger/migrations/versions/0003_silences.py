"""Silences: beside whoever has left, restricted records and pupils who go elsewhere (FEATURES G17)."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BEFORE = sa.table("suppressions", *map(sa.column, ("campaign", "student", "cause", "reason", "at")))


def upgrade() -> None:
    """Make the table anew with the code in its key; the pupils who left stay in it."""
    held = [dict(row) for row in op.get_bind().execute(sa.select(BEFORE)).mappings()]
    op.drop_table("suppressions")
    table = op.create_table(
        "suppressions",
        sa.Column("campaign", sa.String(80), nullable=False),
        sa.Column("student", sa.String(40), nullable=False),
        sa.Column("code", sa.String(40), nullable=False, server_default="LEFT_REGISTER"),
        sa.Column("cause", sa.String(220), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "student", "code", name="pk_suppressions"),
    )
    if held:
        op.bulk_insert(table, held)
