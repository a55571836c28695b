"""Who was let in with `palaver access`, and the pairing codes that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "grants",
        sa.Column("frontend", sa.String(32), nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("owner", sa.Boolean(), nullable=False),
        sa.Column("paired", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("frontend", "user", name="pk_grants"),
    )
    op.create_table(
        "pairing_codes",
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("owner", sa.Boolean(), nullable=False),
        sa.Column("frontend", sa.String(32), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("salt", name="pk_pairing_codes"),
    )
    op.create_table(
        "pairing_tries",
        sa.Column("frontend", sa.String(32), nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("frontend", "user", name="pk_pairing_tries"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("pairing_tries", "pairing_codes", "grants"):
        op.drop_table(table)
