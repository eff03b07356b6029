"""Persons: whom of a household a notice goes to, and rows of their own for the household's others."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; of the rows that are there nobody knows to whom of the household they went."""
    op.add_column("outbox", sa.Column("person", sa.String(40), nullable=True))
    op.add_column("outbox", sa.Column("copy_of", sa.String(40), nullable=True))
