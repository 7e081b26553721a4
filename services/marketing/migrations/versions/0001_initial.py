"""initial"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from taproot_storage import migrations

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    migrations.before_first()
    op.create_table(
        "campaign_targets",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("control", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "customer_id", name=op.f("pk_campaign_targets")),
    )
    op.create_table(
        "campaigns",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=True),
        sa.Column("template_id", sa.Uuid(), nullable=True),
        sa.Column("schedule_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("control_percent", sa.Integer(), nullable=False),
        sa.Column("budget_amount", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("budget_currency", sa.Text(), nullable=True),
        sa.Column("cost_amount", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("cost_currency", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index(
        "ix_campaigns_branch_path", "campaigns", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index("ix_campaigns_create_time", "campaigns", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_campaigns_open",
        "campaigns",
        ["state"],
        unique=False,
        postgresql_where=sa.text("state IN ('scheduled', 'running')"),
    )
    op.create_index("ix_campaigns_owner_id", "campaigns", ["owner_id", "create_time", "id"], unique=False)
    op.create_table(
        "consent_refs",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("effective_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "purpose", "channel", name=op.f("pk_consent_refs")),
    )
    op.create_table(
        "customer_access",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("branch_path", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_access")),
    )
    op.create_index(
        "ix_customer_access_branch_path", "customer_access", ["branch_path", "customer_id"], unique=False
    )
    op.create_index("ix_customer_access_customer_id", "customer_access", ["customer_id"], unique=False)
    op.create_index(
        "ix_customer_access_expire_time",
        "customer_access",
        ["expire_time"],
        unique=False,
        postgresql_where=sa.text("expire_time IS NOT NULL"),
    )
    op.create_index(
        "ix_customer_access_owner_id", "customer_access", ["owner_id", "customer_id"], unique=False
    )
    op.create_index("ix_customer_access_team_id", "customer_access", ["team_id", "customer_id"], unique=False)
    op.create_table(
        "customer_refs",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("value_class", sa.Text(), nullable=False),
        sa.Column("industry", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("key_account", sa.Boolean(), nullable=False),
        sa.Column("language_code", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("member_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_refs")),
    )
    op.create_index("ix_customer_refs_email_key", "customer_refs", ["email_key"], unique=False)
    op.create_index(
        "ix_customer_refs_member_ids",
        "customer_refs",
        ["member_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("cardinality(member_ids) > 0"),
    )
    op.create_table(
        "customer_scores",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hot", sa.Boolean(), nullable=False),
        sa.Column("hot_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cools_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_event_type", sa.Text(), nullable=False),
        sa.Column("given_value", sa.Float(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_scores")),
    )
    op.create_index(
        "ix_customer_scores_branch_path",
        "customer_scores",
        ["branch_path", "update_time", "id"],
        unique=False,
    )
    op.create_index(
        "ix_customer_scores_cools_at",
        "customer_scores",
        ["cools_at"],
        unique=False,
        postgresql_where=sa.text("hot"),
    )
    op.create_index(
        "ix_customer_scores_owner_id", "customer_scores", ["owner_id", "update_time", "id"], unique=False
    )
    op.create_index("ix_customer_scores_update_time", "customer_scores", ["update_time", "id"], unique=False)
    op.create_index("uq_customer_scores_customer_id", "customer_scores", ["customer_id"], unique=True)
    op.create_table(
        "deliveries",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recipient_domain", sa.Text(), nullable=False),
        sa.Column("message_class", sa.Text(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("language_code", sa.Text(), nullable=False),
        sa.Column("journey_id", sa.Uuid(), nullable=True),
        sa.Column("journey_run_id", sa.Uuid(), nullable=True),
        sa.Column("journey_step", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("next_attempt_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("smtp_code", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("claim_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_branch_path", "deliveries", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index("ix_deliveries_campaign_id", "deliveries", ["campaign_id", "state"], unique=False)
    op.create_index(
        "ix_deliveries_claimed",
        "deliveries",
        ["claim_time"],
        unique=False,
        postgresql_where=sa.text("state = 'claimed'"),
    )
    op.create_index("ix_deliveries_create_time", "deliveries", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_deliveries_customer_id", "deliveries", ["customer_id", "create_time", "id"], unique=False
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_time", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'failed_temporary')"),
    )
    op.create_index(
        "ix_deliveries_journey_id", "deliveries", ["journey_id", "journey_step", "state"], unique=False
    )
    op.create_index("ix_deliveries_owner_id", "deliveries", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_deliveries_template_id", "deliveries", ["template_id"], unique=False)
    op.create_index("uq_deliveries_business_key", "deliveries", ["business_key"], unique=True)
    op.create_index("uq_deliveries_message_id", "deliveries", ["message_id"], unique=True)
    op.create_table(
        "entitlement_refs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("product_code", sa.Text(), nullable=False),
        sa.Column("device_serial", sa.Text(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("change_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlement_refs")),
    )
    op.create_index(
        "ix_entitlement_refs_end_date",
        "entitlement_refs",
        ["end_date", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "form_rates",
        sa.Column("form_id", sa.Uuid(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("form_id", "address_hash", "hour", name=op.f("pk_form_rates")),
    )
    op.create_table(
        "form_submissions",
        sa.Column("form_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("product_interest", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("utm", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("referral_code", sa.Text(), nullable=False),
        sa.Column("language_code", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("consent_proof", sa.Text(), nullable=False),
        sa.Column("consent_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("page_url", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_submissions")),
    )
    op.create_index(
        "ix_form_submissions_branch_path",
        "form_submissions",
        ["branch_path", "create_time", "id"],
        unique=False,
    )
    op.create_index("ix_form_submissions_campaign_id", "form_submissions", ["campaign_id"], unique=False)
    op.create_index(
        "ix_form_submissions_create_time", "form_submissions", ["create_time", "id"], unique=False
    )
    op.create_index(
        "ix_form_submissions_form_id", "form_submissions", ["form_id", "create_time"], unique=False
    )
    op.create_index(
        "ix_form_submissions_owner_id", "form_submissions", ["owner_id", "create_time", "id"], unique=False
    )
    op.create_index(
        "uq_form_submissions_request_id",
        "form_submissions",
        ["form_id", "request_id"],
        unique=True,
        postgresql_where=sa.text("request_id <> ''"),
    )
    op.create_table(
        "forms",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("required_fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("thank_you", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("consent_text", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("product_interest", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("double_opt_in", sa.Boolean(), nullable=False),
        sa.Column("min_seconds", sa.Integer(), nullable=False),
        sa.Column("hourly_limit", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forms")),
    )
    op.create_index("ix_forms_branch_path", "forms", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_forms_create_time", "forms", ["create_time", "id"], unique=False)
    op.create_index("ix_forms_owner_id", "forms", ["owner_id", "create_time", "id"], unique=False)
    op.create_table(
        "journey_run_steps",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("journey_id", sa.Uuid(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("effect_id", sa.Text(), nullable=False),
        sa.Column("done_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step", name=op.f("pk_journey_run_steps")),
    )
    op.create_index(
        "ix_journey_run_steps_journey_id", "journey_run_steps", ["journey_id", "step", "result"], unique=False
    )
    op.create_table(
        "journey_runs",
        sa.Column("journey_id", sa.Uuid(), nullable=False),
        sa.Column("journey_version", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("next_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("private", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("steps_done", sa.Integer(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_runs")),
    )
    op.create_index(
        "ix_journey_runs_branch_path", "journey_runs", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index("ix_journey_runs_create_time", "journey_runs", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_journey_runs_customer_id", "journey_runs", ["customer_id", "create_time", "id"], unique=False
    )
    op.create_index(
        "ix_journey_runs_due",
        "journey_runs",
        ["next_time", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "ix_journey_runs_owner_id", "journey_runs", ["owner_id", "create_time", "id"], unique=False
    )
    op.create_index("ix_journey_runs_step", "journey_runs", ["journey_id", "state", "step"], unique=False)
    op.create_index(
        "uq_journey_runs_business_key",
        "journey_runs",
        ["journey_id", "customer_id", "business_key"],
        unique=True,
    )
    op.create_table(
        "journey_versions",
        sa.Column("journey_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("journey_id", "number", name=op.f("pk_journey_versions")),
    )
    op.create_table(
        "journeys",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("trigger", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("journey_version", sa.Integer(), nullable=False),
        sa.Column("trigger_kind", sa.Text(), nullable=False),
        sa.Column("trigger_name", sa.Text(), nullable=False),
        sa.Column("activate_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journeys")),
    )
    op.create_index("ix_journeys_branch_path", "journeys", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_journeys_create_time", "journeys", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_journeys_listening",
        "journeys",
        ["trigger_kind", "trigger_name"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index("ix_journeys_owner_id", "journeys", ["owner_id", "create_time", "id"], unique=False)
    op.create_index(
        "uq_journeys_key", "journeys", ["key"], unique=True, postgresql_where=sa.text("key <> ''")
    )
    op.create_table(
        "loyalty_accounts",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("lifetime_points", sa.BigInteger(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_loyalty_accounts_balance")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_accounts")),
    )
    op.create_index(
        "ix_loyalty_accounts_branch_path",
        "loyalty_accounts",
        ["branch_path", "create_time", "id"],
        unique=False,
    )
    op.create_index(
        "ix_loyalty_accounts_create_time", "loyalty_accounts", ["create_time", "id"], unique=False
    )
    op.create_index(
        "ix_loyalty_accounts_owner_id", "loyalty_accounts", ["owner_id", "create_time", "id"], unique=False
    )
    op.create_index("ix_loyalty_accounts_program_id", "loyalty_accounts", ["program_id"], unique=False)
    op.create_index(
        "uq_loyalty_accounts_customer_id", "loyalty_accounts", ["customer_id", "program_id"], unique=True
    )
    op.create_table(
        "loyalty_entries",
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", "book", name=op.f("pk_loyalty_entries")),
    )
    op.create_index("ix_loyalty_entries_book", "loyalty_entries", ["book"], unique=False)
    op.create_table(
        "loyalty_programs",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("amount_per_point", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("tiers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("auto_join", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_programs")),
    )
    op.create_index(
        "ix_loyalty_programs_create_time", "loyalty_programs", ["create_time", "id"], unique=False
    )
    op.create_table(
        "loyalty_transactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("lifetime_points", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_transactions")),
    )
    op.create_index(
        "ix_loyalty_transactions_account_id",
        "loyalty_transactions",
        ["account_id", "create_time", "id"],
        unique=False,
    )
    op.create_index(
        "uq_loyalty_transactions_business_key",
        "loyalty_transactions",
        ["program_id", "business_key"],
        unique=True,
        postgresql_where=sa.text("business_key <> ''"),
    )
    op.create_table(
        "mail_quotas",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "minute", name=op.f("pk_mail_quotas")),
    )
    op.create_table(
        "planted_seeds",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_planted_seeds")),
    )
    op.create_table(
        "score_rules",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_rules")),
    )
    op.create_index("ix_score_rules_create_time", "score_rules", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_score_rules_event_type",
        "score_rules",
        ["event_type"],
        unique=False,
        postgresql_where=sa.text("NOT disabled"),
    )
    op.create_table(
        "score_settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("half_life_days", sa.Integer(), nullable=False),
        sa.Column("hot_threshold", sa.Integer(), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_settings")),
    )
    op.create_table(
        "segment_members",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", "customer_id", name=op.f("pk_segment_members")),
    )
    op.create_index("ix_segment_members_customer_id", "segment_members", ["customer_id"], unique=False)
    op.create_table(
        "suppressions",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
    )
    op.create_index("ix_suppressions_create_time", "suppressions", ["create_time", "id"], unique=False)
    op.create_index("uq_suppressions_address_key", "suppressions", ["address_key"], unique=True)
    op.create_table(
        "templates",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("message_class", sa.Text(), nullable=False),
        sa.Column("contents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=False),
        sa.Column("variables", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
    )
    op.create_index("ix_templates_create_time", "templates", ["create_time", "id"], unique=False)
    op.create_index(
        "uq_templates_key", "templates", ["key"], unique=True, postgresql_where=sa.text("key <> ''")
    )

    migrations.after_first()


def downgrade() -> None:
    raise NotImplementedError("the first version is where it starts")
