"""What the phone client shows: pages of projects, activity by day, push messages, video."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
