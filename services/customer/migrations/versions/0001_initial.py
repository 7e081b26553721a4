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
        "activities",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_spent", sa.Interval(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("participants", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("participant_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("participant_user_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("related", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("repeats", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("series_end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lead", sa.Interval(), nullable=True),
        sa.Column("reminded_through", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_reminder_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("comment_user_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("search_tokens", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "id", name=op.f("pk_activities")),
        postgresql_partition_by="HASH (customer_id)",
    )
    op.create_index("ix_activities_branch", "activities", ["branch_path", "start_time", "id"], unique=False)
    op.create_index("ix_activities_customer", "activities", ["customer_id", "start_time", "id"], unique=False)
    op.create_index("ix_activities_id", "activities", ["id"], unique=False)
    op.create_index("ix_activities_owner", "activities", ["owner_id", "start_time", "id"], unique=False)
    op.create_index(
        "ix_activities_participant_users",
        "activities",
        ["participant_user_ids"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_activities_participants", "activities", ["participant_ids"], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_activities_recent", "activities", ["start_time", "id"], unique=False)
    op.create_index(
        "ix_activities_reminder",
        "activities",
        ["next_reminder_time"],
        unique=False,
        postgresql_where=sa.text("next_reminder_time IS NOT NULL"),
    )
    op.create_index(
        "ix_activities_search",
        "activities",
        ["search_tokens"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 64},
    )
    op.create_index(
        "ix_activities_series_customer",
        "activities",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("repeats IS NOT NULL"),
    )
    op.create_index(
        "ix_activities_series_owner",
        "activities",
        ["owner_id"],
        unique=False,
        postgresql_where=sa.text("repeats IS NOT NULL"),
    )
    op.create_table(
        "attachments",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("blob_key", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index(
        "ix_attachments_branch", "attachments", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index(
        "ix_attachments_customer", "attachments", ["customer_id", "create_time", "id"], unique=False
    )
    op.create_index("ix_attachments_owner", "attachments", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_attachments_recent", "attachments", ["create_time", "id"], unique=False)
    op.create_index("uq_attachments_blob_key", "attachments", ["blob_key"], unique=True)
    op.create_table(
        "care_date_notices",
        sa.Column("care_date_id", sa.Uuid(), nullable=False),
        sa.Column("occurrence", sa.Date(), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("raise_time", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint(
            "care_date_id", "occurrence", "days_before", name=op.f("pk_care_date_notices")
        ),
    )
    op.create_index("ix_care_date_notices_customer", "care_date_notices", ["customer_id"], unique=False)
    op.create_table(
        "care_dates",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("month_day", sa.Integer(), nullable=False),
        sa.Column("recurrence", sa.Text(), nullable=False),
        sa.Column("days_before", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_version", sa.BigInteger(), nullable=False),
        sa.Column("related", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_notice_date", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_dates")),
    )
    op.create_index("ix_care_dates_branch", "care_dates", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_care_dates_customer", "care_dates", ["customer_id", "create_time"], unique=False)
    op.create_index(
        "ix_care_dates_next",
        "care_dates",
        ["next_notice_date", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'active' AND delete_time IS NULL"),
    )
    op.create_index("ix_care_dates_owner", "care_dates", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_care_dates_owner_day", "care_dates", ["owner_id", "recurrence", "date"], unique=False)
    op.create_index(
        "ix_care_dates_owner_month_day", "care_dates", ["owner_id", "recurrence", "month_day"], unique=False
    )
    op.create_index("ix_care_dates_recent", "care_dates", ["create_time", "id"], unique=False)
    op.create_table(
        "claims",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("claim_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touch_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warn_time", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_claims")),
    )
    op.create_index("ix_claims_owner_id", "claims", ["owner_id", "rule_id"], unique=False)
    op.create_index("ix_claims_rule_id_claim_time", "claims", ["rule_id", "claim_time"], unique=False)
    op.create_index("ix_claims_rule_id_touch_time", "claims", ["rule_id", "touch_time"], unique=False)
    op.create_table(
        "competitor_refs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_competitor_refs")),
    )
    op.create_table(
        "consent_states",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("effective_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "purpose", "channel", name=op.f("pk_consent_states")),
    )
    op.create_table(
        "consents",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("effective_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("business_key", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_branch", "consents", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_consents_customer", "consents", ["customer_id", "create_time", "id"], unique=False)
    op.create_index("ix_consents_owner", "consents", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_consents_recent", "consents", ["create_time", "id"], unique=False)
    op.create_index("uq_consents_business_key", "consents", ["business_key"], unique=True)
    op.create_table(
        "contacts",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("job_title", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("decision_maker", sa.Boolean(), nullable=False),
        sa.Column("primary", sa.Boolean(), nullable=False),
        sa.Column("identifiers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("language_code", sa.Text(), nullable=False),
        sa.Column("person_customer_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sort_key", sa.Text(), nullable=False),
        sa.Column("search_tokens", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_branch", "contacts", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_contacts_customer", "contacts", ["customer_id", "create_time"], unique=False)
    op.create_index("ix_contacts_owner", "contacts", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_contacts_recent", "contacts", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_contacts_search",
        "contacts",
        ["search_tokens"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 256},
    )
    op.create_table(
        "cross_sell_runs",
        sa.Column("only", sa.Boolean(), nullable=False),
        sa.Column("refresh_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_cross_sell_runs")),
    )
    op.create_table(
        "cross_sells",
        sa.Column("owned_id", sa.Uuid(), nullable=False),
        sa.Column("offered_id", sa.Uuid(), nullable=False),
        sa.Column("customer_count", sa.Integer(), nullable=False),
        sa.Column("support", sa.Numeric(precision=7, scale=6), nullable=False),
        sa.Column("confidence", sa.Numeric(precision=7, scale=6), nullable=False),
        sa.Column("lift", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.PrimaryKeyConstraint("owned_id", "offered_id", name=op.f("pk_cross_sells")),
    )
    op.create_table(
        "custom_fields",
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("label_texts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("help_by_language", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("unique", sa.Boolean(), nullable=False),
        sa.Column("default_value", sa.Text(), nullable=False),
        sa.Column("scale", sa.Integer(), nullable=False),
        sa.Column("minimum", sa.Text(), nullable=False),
        sa.Column("maximum", sa.Text(), nullable=False),
        sa.Column("min_length", sa.Integer(), nullable=False),
        sa.Column("max_length", sa.Integer(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("option_list", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reference_type", sa.Text(), nullable=False),
        sa.Column("filterable", sa.Boolean(), nullable=False),
        sa.Column("searchable", sa.Boolean(), nullable=False),
        sa.Column("sensitivity", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_fields")),
    )
    op.create_index("ix_custom_fields_recent", "custom_fields", ["create_time", "id"], unique=False)
    op.create_index(
        "uq_custom_fields_resource_type_key", "custom_fields", ["resource_type", "key"], unique=True
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
        "customer_blocks",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("key", "customer_id", name=op.f("pk_customer_blocks")),
    )
    op.create_index("ix_customer_blocks_customer_id", "customer_blocks", ["customer_id"], unique=False)
    op.create_table(
        "customer_facts",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("first_order_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_order_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("order_count", sa.BigInteger(), nullable=False),
        sa.Column("orders_90_days", sa.BigInteger(), nullable=False),
        sa.Column("orders_365_days", sa.BigInteger(), nullable=False),
        sa.Column("revenue_90_days", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("revenue_365_days", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("lifetime_revenue", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("revenue_by_currency", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("open_opportunities", sa.BigInteger(), nullable=False),
        sa.Column("open_opportunity_amount", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("open_amount_by_currency", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("open_tickets", sa.BigInteger(), nullable=False),
        sa.Column("last_ticket_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_survey_score", sa.Integer(), nullable=True),
        sa.Column("nps_average", sa.Numeric(precision=8, scale=6), nullable=True),
        sa.Column("last_contact_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("loyalty_points", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_facts")),
    )
    op.create_table(
        "customer_keys",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("normal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "kind", "normal", name=op.f("pk_customer_keys")),
    )
    op.create_index("ix_customer_keys_match", "customer_keys", ["kind", "normal"], unique=False)
    op.create_index(
        "uq_customer_keys_strong",
        "customer_keys",
        ["kind", "normal"],
        unique=True,
        postgresql_where=sa.text("kind IN ('tax_number', 'external')"),
    )
    op.create_table(
        "customer_shares",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ender_id", sa.Text(), nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_shares")),
    )
    op.create_index(
        "ix_customer_shares_customer_id",
        "customer_shares",
        ["customer_id", "create_time", "id"],
        unique=False,
    )
    op.create_table(
        "customer_traits",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("traits", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_traits")),
    )
    op.create_table(
        "customers",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("identifiers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("addresses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("value_class", sa.Text(), nullable=False),
        sa.Column("loyalty_class", sa.Text(), nullable=False),
        sa.Column("industry", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("language_code", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("key_account", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sort_key", sa.Text(), nullable=False),
        sa.Column("search_tokens", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("merged_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column(
            "shares", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_index("ix_customers_branch", "customers", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_customers_name", "customers", ["sort_key", "id"], unique=False)
    op.create_index("ix_customers_owner", "customers", ["owner_id", "create_time", "id"], unique=False)
    op.create_index(
        "ix_customers_parent",
        "customers",
        ["parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index("ix_customers_recent", "customers", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_customers_search",
        "customers",
        ["search_tokens"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 256},
    )
    op.create_index("ix_customers_tags", "customers", ["tags"], unique=False, postgresql_using="gin")
    op.create_table(
        "duplicate_pairs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("left_id", sa.Uuid(), nullable=False),
        sa.Column("right_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=False),
        sa.Column("contradicted", sa.Boolean(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decide_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=True),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_pairs")),
    )
    op.create_index("ix_duplicate_pairs_recent", "duplicate_pairs", ["create_time", "id"], unique=False)
    op.create_index("ix_duplicate_pairs_right_id", "duplicate_pairs", ["right_id"], unique=False)
    op.create_index("ix_duplicate_pairs_run_id", "duplicate_pairs", ["run_id", "state"], unique=False)
    op.create_index("ix_duplicate_pairs_score", "duplicate_pairs", ["score", "id"], unique=False)
    op.create_index("uq_duplicate_pairs_sides", "duplicate_pairs", ["left_id", "right_id"], unique=True)
    op.create_table(
        "duplicate_rules",
        sa.Column("only", sa.Boolean(), nullable=False),
        sa.Column("review_from", sa.Double(), nullable=False),
        sa.Column("merge_from", sa.Double(), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_duplicate_rules")),
    )
    op.create_table(
        "duplicate_searches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("compared_count", sa.BigInteger(), nullable=False),
        sa.Column("merged_count", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_searches")),
    )
    op.create_table(
        "erasures",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("person", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("done_services", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("missing_services", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("subject_hashes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("receipt", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index("ix_erasures_branch", "erasures", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_erasures_owner", "erasures", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_erasures_recent", "erasures", ["create_time", "id"], unique=False)
    op.create_index(
        "uq_erasures_running", "erasures", ["customer_id"], unique=True, postgresql_where="state = 'running'"
    )
    op.create_table(
        "exports",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("file_format", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("order_by", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("part_count", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index("ix_exports_branch", "exports", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_exports_owner", "exports", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_exports_recent", "exports", ["create_time", "id"], unique=False)
    op.create_table(
        "fact_items",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("amount", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "item_id", name=op.f("pk_fact_items")),
    )
    op.create_index("ix_fact_items_customer_id", "fact_items", ["customer_id"], unique=False)
    op.create_table(
        "facts_due",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("due_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "source", name=op.f("pk_facts_due")),
    )
    op.create_index("ix_facts_due_due_time", "facts_due", ["due_time"], unique=False)
    op.create_table(
        "form_consents",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("consent_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_form_consents")),
    )
    op.create_table(
        "import_changes",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("undo_result", sa.Text(), server_default="", nullable=False),
        sa.Column("kept_fields", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("import_id", "customer_id", name=op.f("pk_import_changes")),
    )
    op.create_index("ix_import_changes_line", "import_changes", ["import_id", "line"], unique=False)
    op.create_table(
        "import_keys",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("normal", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "kind", "normal", name=op.f("pk_import_keys")),
    )
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("cells", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_rows")),
    )
    op.create_index("ix_import_rows_result", "import_rows", ["import_id", "result", "line"], unique=False)
    op.create_table(
        "imports",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("blob_key", sa.Text(), nullable=False),
        sa.Column("dialect", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("read_count", sa.BigInteger(), nullable=False),
        sa.Column("created_count", sa.BigInteger(), nullable=False),
        sa.Column("updated_count", sa.BigInteger(), nullable=False),
        sa.Column("skipped_count", sa.BigInteger(), nullable=False),
        sa.Column("rejected_count", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("done_bytes", sa.BigInteger(), nullable=False),
        sa.Column("next_line", sa.BigInteger(), nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("undone_count", sa.BigInteger(), nullable=False),
        sa.Column("kept_count", sa.BigInteger(), nullable=False),
        sa.Column("begin_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected_end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_branch", "imports", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_imports_owner", "imports", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_imports_recent", "imports", ["create_time", "id"], unique=False)
    op.create_table(
        "insight_cells",
        sa.Column("insight_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("customer_count", sa.BigInteger(), nullable=False),
        sa.Column("order_count", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.Numeric(precision=7, scale=6), nullable=True),
        sa.Column("confidence", sa.Numeric(precision=7, scale=6), nullable=True),
        sa.Column("lift", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("amount", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("insight_id", "number", name=op.f("pk_insight_cells")),
    )
    op.create_table(
        "insight_scores",
        sa.Column("insight_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("first_purchase_date", sa.Date(), nullable=False),
        sa.Column("last_purchase_date", sa.Date(), nullable=False),
        sa.Column("recency_days", sa.Integer(), nullable=False),
        sa.Column("purchase_count", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=24, scale=6), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("recency_score", sa.Integer(), nullable=True),
        sa.Column("frequency_score", sa.Integer(), nullable=True),
        sa.Column("monetary_score", sa.Integer(), nullable=True),
        sa.Column("alive_probability", sa.Numeric(precision=7, scale=6), nullable=True),
        sa.Column("churn_probability", sa.Numeric(precision=7, scale=6), nullable=True),
        sa.Column("expected_purchases", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("lifetime_value", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("share", sa.Numeric(precision=7, scale=6), nullable=True),
        sa.Column("cumulative_share", sa.Numeric(precision=7, scale=6), nullable=True),
        sa.PrimaryKeyConstraint("insight_id", "customer_id", name=op.f("pk_insight_scores")),
    )
    op.create_index("ix_insight_scores_customer_id", "insight_scores", ["customer_id"], unique=False)
    op.create_index(
        "ix_insight_scores_recent",
        "insight_scores",
        ["insight_id", "last_purchase_date", "customer_id"],
        unique=False,
    )
    op.create_table(
        "insights",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("reference_date", sa.Date(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("rfm", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lifetime", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("abc", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("funnel", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("affinity", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("customer_count", sa.BigInteger(), nullable=False),
        sa.Column("order_count", sa.BigInteger(), nullable=False),
        sa.Column("score_count", sa.BigInteger(), nullable=False),
        sa.Column("cell_count", sa.BigInteger(), nullable=False),
        sa.Column("model", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insights")),
    )
    op.create_index("ix_insights_branch", "insights", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_insights_owner", "insights", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_insights_recent", "insights", ["create_time", "id"], unique=False)
    op.create_table(
        "loyalty_class_changes",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("previous_class", sa.Text(), nullable=False),
        sa.Column("loyalty_class", sa.Text(), nullable=False),
        sa.Column("change_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "version", name=op.f("pk_loyalty_class_changes")),
    )
    op.create_index(
        "ix_loyalty_class_changes_listed",
        "loyalty_class_changes",
        ["customer_id", "change_time", "id"],
        unique=False,
    )
    op.create_table(
        "loyalty_class_rules",
        sa.Column("only", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("classes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cuts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("refresh_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_refresh_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_loyalty_class_rules")),
    )
    op.create_table(
        "merge_sources",
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("members", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("undone_time", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merge_id", "source_id", name=op.f("pk_merge_sources")),
    )
    op.create_index("ix_merge_sources_source_id", "merge_sources", ["source_id"], unique=False)
    op.create_table(
        "merges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("survivor_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("choices", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
    )
    op.create_index("ix_merges_survivor_id", "merges", ["survivor_id"], unique=False)
    op.create_table(
        "object_types",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label_texts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plural_by_language", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("customer_relation", sa.Text(), nullable=False),
        sa.Column("state_list", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_object_types")),
    )
    op.create_index("ix_object_types_recent", "object_types", ["create_time", "id"], unique=False)
    op.create_index("uq_object_types_key", "object_types", ["key"], unique=True)
    op.create_table(
        "objects",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("search", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("sort_key", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objects")),
    )
    op.create_index(
        "ix_objects_branch", "objects", ["branch_path", "type", "create_time", "id"], unique=False
    )
    op.create_index(
        "ix_objects_customer", "objects", ["customer_id", "type", "create_time", "id"], unique=False
    )
    op.create_index("ix_objects_owner", "objects", ["owner_id", "type", "create_time", "id"], unique=False)
    op.create_index("ix_objects_recent", "objects", ["type", "create_time", "id"], unique=False)
    op.create_index("ix_objects_search", "objects", ["search"], unique=False, postgresql_using="gin")
    op.create_table(
        "ownership_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_owner_id", sa.Uuid(), nullable=True),
        sa.Column("to_owner_id", sa.Uuid(), nullable=True),
        sa.Column("from_branch_id", sa.Uuid(), nullable=True),
        sa.Column("to_branch_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ownership_changes")),
    )
    op.create_index(
        "ix_ownership_changes_create_time", "ownership_changes", ["create_time", "id"], unique=False
    )
    op.create_index(
        "ix_ownership_changes_customer_id",
        "ownership_changes",
        ["customer_id", "create_time", "id"],
        unique=False,
    )
    op.create_index(
        "ix_ownership_changes_from_owner_id",
        "ownership_changes",
        ["from_owner_id", "customer_id", "create_time"],
        unique=False,
    )
    op.create_table(
        "pool_rules",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("claim_quota", sa.Integer(), nullable=False),
        sa.Column("cool_down_days", sa.Integer(), nullable=False),
        sa.Column("no_touch_days", sa.Integer(), nullable=False),
        sa.Column("not_won_days", sa.Integer(), nullable=False),
        sa.Column("warn_days", sa.Integer(), nullable=False),
        sa.Column("recalls_paused", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool_rules")),
    )
    op.create_index("ix_pool_rules_create_time", "pool_rules", ["create_time", "id"], unique=False)
    op.create_index("uq_pool_rules_branch_path", "pool_rules", ["branch_path"], unique=True)
    op.create_table(
        "product_refs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("sold", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_refs")),
    )
    op.create_table(
        "profile_items",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "section", "item_id", name=op.f("pk_profile_items")),
    )
    op.create_index(
        "ix_profile_items_shown",
        "profile_items",
        ["customer_id", "section", "rank"],
        unique=False,
        postgresql_where=sa.text("shown"),
    )
    op.create_table(
        "purchases",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("net", sa.Numeric(precision=24, scale=6), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("product_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_purchases")),
    )
    op.create_index(
        "ix_purchases_customer",
        "purchases",
        ["customer_id", "day"],
        unique=False,
        postgresql_where=sa.text("counted"),
    )
    op.create_index("ix_purchases_party", "purchases", ["customer_id"], unique=False)
    op.create_table(
        "relationships",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("related_customer_id", sa.Uuid(), nullable=False),
        sa.Column("related_display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationships")),
    )
    op.create_index(
        "ix_relationships_branch", "relationships", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index(
        "ix_relationships_owner", "relationships", ["owner_id", "create_time", "id"], unique=False
    )
    op.create_index("ix_relationships_recent", "relationships", ["create_time", "id"], unique=False)
    op.create_index("ix_relationships_related", "relationships", ["related_customer_id"], unique=False)
    op.create_index(
        "uq_relationships_pair",
        "relationships",
        ["customer_id", "related_customer_id", "kind", "label"],
        unique=True,
    )
    op.create_table(
        "segment_dues",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("due_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", "customer_id", name=op.f("pk_segment_dues")),
    )
    op.create_index("ix_segment_dues_customer_id", "segment_dues", ["customer_id"], unique=False)
    op.create_index("ix_segment_dues_due_time", "segment_dues", ["due_time"], unique=False)
    op.create_index("ix_segment_dues_first", "segment_dues", ["segment_id", "due_time"], unique=False)
    op.create_table(
        "segment_members",
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("enter_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", "customer_id", name=op.f("pk_segment_members")),
    )
    op.create_index("ix_segment_members_customer_id", "segment_members", ["customer_id"], unique=False)
    op.create_index(
        "ix_segment_members_listed",
        "segment_members",
        ["segment_id", "enter_time", "customer_id"],
        unique=False,
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "segments",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("operand_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("member_count", sa.BigInteger(), nullable=False),
        sa.Column("refresh_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_change_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
    )
    op.create_index("ix_segments_branch", "segments", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_segments_owner", "segments", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_segments_recent", "segments", ["create_time", "id"], unique=False)
    op.create_table(
        "suggestion_rules",
        sa.Column("only", sa.Boolean(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_suggestion_rules")),
    )
    op.create_table(
        "tasks",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("related", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("due_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminder_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("recurrence", sa.Text(), nullable=False),
        sa.Column("recurrence_rule", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("series_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurrence_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("complete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_by_id", sa.Uuid(), nullable=True),
        sa.Column("creator_id", sa.Uuid(), nullable=True),
        sa.Column("business_key", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index("ix_tasks_branch", "tasks", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_tasks_customer", "tasks", ["customer_id", "due_time"], unique=False)
    op.create_index(
        "ix_tasks_due", "tasks", ["due_time"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index("ix_tasks_owner", "tasks", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_tasks_owner_due", "tasks", ["owner_id", "due_time"], unique=False)
    op.create_index("ix_tasks_recent", "tasks", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_tasks_reminder",
        "tasks",
        ["reminder_time"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_tasks_series",
        "tasks",
        ["owner_id"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND series_start IS NOT NULL"),
    )
    op.create_index("uq_tasks_business_key", "tasks", ["business_key"], unique=True)
    op.create_table(
        "timeline",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("words", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "occurred_at", "id", name=op.f("pk_timeline")),
        postgresql_partition_by="HASH (customer_id)",
    )
    op.create_table(
        "timeline_links",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_timeline_links")),
    )
    op.create_index("ix_timeline_links_customer_id", "timeline_links", ["customer_id"], unique=False)
    op.create_table(
        "timeline_waiting",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("words", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "occurred_at", "id", name=op.f("pk_timeline_waiting")),
    )
    op.create_table(
        "transferred",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("task", sa.Boolean(), nullable=False),
        sa.Column("to_owner_id", sa.Uuid(), nullable=True),
        sa.Column("from_branch_id", sa.Uuid(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "record_id", name=op.f("pk_transferred")),
    )
    op.create_index(
        "ix_transferred_open",
        "transferred",
        ["transfer_id", "record_id"],
        unique=False,
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "transfers",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("from_owner_id", sa.Uuid(), nullable=False),
        sa.Column("to_owner_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("customer_count", sa.Integer(), nullable=False),
        sa.Column("task_count", sa.Integer(), nullable=False),
        sa.Column("returned_count", sa.Integer(), nullable=False),
        sa.Column("kept_count", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(
        "ix_transfers_branch_path", "transfers", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index("ix_transfers_create_time", "transfers", ["create_time", "id"], unique=False)
    op.create_index("ix_transfers_owner_id", "transfers", ["owner_id", "create_time", "id"], unique=False)
    op.create_table(
        "work_plans",
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("comments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("submit_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_plans")),
    )
    op.create_index("ix_work_plans_branch", "work_plans", ["branch_path", "start_date", "id"], unique=False)
    op.create_index("ix_work_plans_owner", "work_plans", ["owner_id", "start_date", "id"], unique=False)
    op.create_index("ix_work_plans_start", "work_plans", ["start_date", "id"], unique=False)
    op.create_index(
        "uq_work_plans_period",
        "work_plans",
        ["owner_id", "period", "start_date"],
        unique=True,
        postgresql_where=sa.text("delete_time IS NULL"),
    )

    migrations.after_first(["activities", "timeline"])


def downgrade() -> None:
    raise NotImplementedError("the first version is where it starts")
