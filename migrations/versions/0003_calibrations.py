"""Calibrations, refits and the weighing anew of evidence."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A score was taken as it is where nothing else was written. What was published keeps that meaning.
    op.execute(
        """
        UPDATE cascade_version SET declaration = jsonb_set(declaration::jsonb, '{workflows}', (
            SELECT jsonb_agg(
                CASE WHEN jsonb_typeof(w -> 'prior') = 'object' AND (w -> 'prior' -> 'calibrate') IS NULL
                THEN jsonb_set(w, '{prior}', (w -> 'prior') || '{"calibrate": false, "people": 0}') ELSE w END
                ORDER BY n)
            FROM jsonb_array_elements(declaration::jsonb -> 'workflows') WITH ORDINALITY AS each (w, n)))::text
        WHERE jsonb_path_exists(declaration::jsonb, '$.workflows[*].prior.score')
        """
    )
    op.create_table(
        "calibration",
        sa.Column("workflow_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("prior", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("prevalence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("hard", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("accept", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reject", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("votes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("proven", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("scores", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("fitted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rescored_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workflow_id", "revision"),
    )
    op.create_table(
        "skill_fit",
        sa.Column("workflow_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("calibration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("no_no", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("no_yes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("no_unsure", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("yes_no", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("yes_yes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("yes_unsure", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("b_no_no", sa.Integer(), nullable=False),
        sa.Column("b_no_yes", sa.Integer(), nullable=False),
        sa.Column("b_no_unsure", sa.Integer(), nullable=False),
        sa.Column("b_yes_no", sa.Integer(), nullable=False),
        sa.Column("b_yes_yes", sa.Integer(), nullable=False),
        sa.Column("b_yes_unsure", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "person_id", "calibration"),
    )
    op.create_table(
        "rescore",
        sa.Column("workflow_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("calibration", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("prior_before", sa.BigInteger(), nullable=False),
        sa.Column("machine_before", sa.SmallInteger(), nullable=False),
        sa.Column("prior", sa.BigInteger(), nullable=False),
        sa.Column("machine", sa.SmallInteger(), nullable=False),
        sa.Column("if_yes", sa.BigInteger(), nullable=False),
        sa.Column("if_no", sa.BigInteger(), nullable=False),
        sa.Column("unproven", sa.BigInteger(), nullable=False),
        sa.Column("log_odds", sa.BigInteger(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("rescored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "subject_id", "ordinal"),
    )
    op.create_index("card_stage", "card", ["workflow_id", "subject_id"])
    op.create_index("rescore_flagged", "rescore", ["workflow_id", "subject_id"], postgresql_where=sa.text("flagged"))
    op.create_index(
        "stage_audited", "stage", ["workflow_id", "subject_id"], postgresql_where=sa.text("audit_count > 0")
    )
    for table in ("workflow", "stage", "label", "classification"):
        op.add_column(table, sa.Column("calibration", sa.Integer(), server_default=sa.text("0"), nullable=False))
    # Votes weigh otherwise from here on: no replay gives the numbers that were stored before.
    op.add_column("stage", sa.Column("earlier", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.execute("UPDATE stage SET earlier = ordinal WHERE ordinal > 0")
    op.add_column("skill", sa.Column("b_no_no", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("skill", sa.Column("b_no_yes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("skill", sa.Column("b_no_unsure", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("skill", sa.Column("b_yes_no", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("skill", sa.Column("b_yes_yes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("skill", sa.Column("b_yes_unsure", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("skill", sa.Column("cusum", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("skill", sa.Column("drops", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("skill", sa.Column("unwatched", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.execute("UPDATE skill SET unwatched = revision WHERE revision > 0")
