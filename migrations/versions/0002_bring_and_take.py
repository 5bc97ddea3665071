"""Imports from elsewhere, the sky, webhooks, archives."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "archived_month",
        sa.Column("month", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("month"),
    )
    op.create_table(
        "imported_volunteer",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("volunteer_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("project_id", "source", "name"),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "sha256", "name"),
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("kinds", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why_paused", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_webhook_project_id"), "webhook", ["project_id"], unique=False)
    op.create_index("webhook_due", "webhook", ["next_at"], unique=False, postgresql_where=sa.text("paused_at IS NULL"))
    op.create_table(
        "import_job",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("line", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lines", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("furthest", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("taken_up", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("report", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["upload.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "import_job_due",
        "import_job",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_index("import_job_project", "import_job", ["project_id", "id"], unique=False)
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("webhook_delivery_log", "webhook_delivery", ["webhook_id", "id"], unique=False)
    op.add_column("location", sa.Column("source", sa.Text(), nullable=True))
    op.add_column(
        "location", sa.Column("sky", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.add_column("location", sa.Column("avif", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "location_without_avif",
        "location",
        ["subject_id", "ordinal"],
        unique=False,
        postgresql_where=sa.text("NOT avif"),
    )
    op.add_column("outbox", sa.Column("volunteer_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "outbox", sa.Column("detail", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.alter_column("outbox", "workflow_id", existing_type=sa.INTEGER(), nullable=True)
    op.alter_column("outbox", "subject_id", existing_type=sa.BIGINT(), nullable=True)
    op.alter_column("outbox", "revision", existing_type=sa.INTEGER(), nullable=True)
    op.add_column(
        "project",
        sa.Column(
            "pseudonym_key",
            sa.LargeBinary(),
            server_default=sa.text("(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"),
            nullable=False,
        ),
    )
    op.add_column("score", sa.Column("model", sa.Text(), nullable=True))
    op.add_column("subject", sa.Column("ra", sa.Float(), nullable=True))
    op.add_column("subject", sa.Column("dec", sa.Float(), nullable=True))
    op.add_column("subject", sa.Column("healpix", sa.BigInteger(), nullable=True))
    op.create_index(
        "subject_sky",
        "subject",
        ["project_id", "healpix"],
        unique=False,
        postgresql_where=sa.text("healpix IS NOT NULL"),
    )
    op.create_index(
        "swipe_key_retracted",
        "swipe_key",
        ["person_id", "client_id"],
        unique=False,
        postgresql_where=sa.text("retracted_at IS NOT NULL"),
    )
    op.create_index("classification_received", "classification", ["received_at"], unique=False)
    op.add_column("workflow_total", sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True))
