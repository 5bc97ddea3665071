"""What the phone client shows: pages of projects, activity by day, push messages, video."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_pages()
    _keep_progress()
    _add_videos()
    _begin_push()


def _add_pages() -> None:
    # Pages of projects; and the first subject of a project, for the list of projects, without sorting all.
    op.create_table(
        "project_page",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("markdown", sa.Text(), nullable=False),
        sa.Column("pictures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("picture", sa.Text(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("project_id", "name"),
    )
    op.create_index("subject_in_order", "subject", ["project_id", "id"])


def _keep_progress() -> None:
    imports = sa.text("scope = 'import'")
    op.create_index("token_of_imports", "token", ["project_id", "source"], postgresql_where=imports)
    for name in ("retired_yes", "retired_no"):
        op.add_column("workflow_total", sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.create_table(
        "activity_fold",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("folded_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "activity_day",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "project_id", "day"),
    )
    op.create_table(
        "project_day",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day"),
    )
    op.create_table(
        "project_total",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("volunteers", sa.BigInteger(), nullable=False),
        sa.Column("votes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id"),
    )


def _add_videos() -> None:
    op.add_column(
        "location", sa.Column("video", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )


def _begin_push() -> None:
    moment = sa.DateTime(timezone=True)
    now = sa.text("now()")
    op.create_table(
        "push_key",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "push_subscription",
        sa.Column("id", sa.Uuid(), autoincrement=False, nullable=False),
        sa.Column("volunteer_id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.Text(), nullable=False),
        sa.Column("auth", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("renewed_at", moment, server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("endpoint"),
    )
    op.create_index("push_subscription_volunteer", "push_subscription", ["volunteer_id", "renewed_at"])
    op.create_table(
        "push_wish",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workflow_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", moment, server_default=now, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("look_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "workflow_id"),
    )
    op.create_index("push_wish_due", "push_wish", ["workflow_id", "look_at"])
    op.create_table(
        "push_told",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("told_at", moment, server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_table(
        "push_message",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", moment, server_default=now, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.ForeignKeyConstraint(["subscription_id"], ["push_subscription.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("push_message_due", "push_message", ["next_at"])
    op.create_index("push_message_of", "push_message", ["subscription_id"])
