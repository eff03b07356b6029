"""The lists of notice templates that signed heads name."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table; heads that were signed before name no templates."""
    op.create_table(
        "head_templates",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("listed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_head_templates"),
    )
