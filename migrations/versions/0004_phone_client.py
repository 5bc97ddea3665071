"""What the phone client shows: pages of projects, activity by day, push messages, video."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "location", sa.Column("video", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
