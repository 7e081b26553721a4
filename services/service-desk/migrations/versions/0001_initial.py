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
        "calendars",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("opening_hours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("holiday_country", sa.Text(), nullable=False),
        sa.Column("holiday_subdivision", sa.Text(), nullable=False),
        sa.Column("special_days", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendars")),
    )
    op.create_table(
        "calls",
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("queue_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wait_seconds", sa.Integer(), nullable=False),
        sa.Column("talk_seconds", sa.Integer(), nullable=False),
        sa.Column("recording_uri", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
    )
    op.create_index("ix_calls_branch_path", "calls", ["branch_path", "start_time", "id"], unique=False)
    op.create_index("ix_calls_customer_id", "calls", ["customer_id", "start_time", "id"], unique=False)
    op.create_index("ix_calls_owner_id", "calls", ["owner_id", "start_time", "id"], unique=False)
    op.create_index("ix_calls_queue_id", "calls", ["queue_id", "start_time"], unique=False)
    op.create_index("ix_calls_start_time", "calls", ["start_time", "id"], unique=False)
    op.create_index("ix_calls_team_id", "calls", ["team_id", "start_time", "id"], unique=False)
    op.create_index("ix_calls_ticket_id", "calls", ["ticket_id"], unique=False)
    op.create_index("uq_calls_external_id", "calls", ["external_id"], unique=True)
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
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("value_class", sa.Text(), nullable=False),
        sa.Column("key_account", sa.Boolean(), nullable=False),
        sa.Column("language_code", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phones", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("member_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_refs")),
    )
    op.create_index("ix_customer_refs_branch_path", "customer_refs", ["branch_path"], unique=False)
    op.create_index(
        "ix_customer_refs_member_ids",
        "customer_refs",
        ["member_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("cardinality(member_ids) > 0"),
    )
    op.create_index("ix_customer_refs_owner_id", "customer_refs", ["owner_id"], unique=False)
    op.create_index(
        "ix_customer_refs_phones",
        "customer_refs",
        ["phones"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "dispatches",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=True),
        sa.Column("score_parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("offer_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatches")),
    )
    op.create_index(
        "ix_dispatches_branch_path", "dispatches", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index("ix_dispatches_create_time", "dispatches", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_dispatches_customer_id", "dispatches", ["customer_id", "create_time", "id"], unique=False
    )
    op.create_index(
        "ix_dispatches_expire_time",
        "dispatches",
        ["expire_time"],
        unique=False,
        postgresql_where=sa.text("state = 'offered'"),
    )
    op.create_index("ix_dispatches_owner_id", "dispatches", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_dispatches_station_id", "dispatches", ["station_id", "offer_time"], unique=False)
    op.create_index("ix_dispatches_team_id", "dispatches", ["team_id", "create_time", "id"], unique=False)
    op.create_index("ix_dispatches_ticket_id", "dispatches", ["ticket_id", "attempt"], unique=False)
    op.create_index(
        "uq_dispatches_open",
        "dispatches",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('offered', 'accepted')"),
    )
    op.create_table(
        "entitlements",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("product_code", sa.Text(), nullable=False),
        sa.Column("device_serial", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("covered_kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("order_line_id", sa.Uuid(), nullable=True),
        sa.Column("fulfilment_id", sa.Uuid(), nullable=True),
        sa.Column("revoke_reason", sa.Text(), nullable=False),
        sa.Column("expiring_notice_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expiring_for", sa.Date(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlements")),
    )
    op.create_index(
        "ix_entitlements_branch_path", "entitlements", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index("ix_entitlements_create_time", "entitlements", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_entitlements_customer_id", "entitlements", ["customer_id", "end_date", "id"], unique=False
    )
    op.create_index("ix_entitlements_device_serial", "entitlements", ["device_serial"], unique=False)
    op.create_index(
        "ix_entitlements_end_date",
        "entitlements",
        ["end_date"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "ix_entitlements_owner_id", "entitlements", ["owner_id", "create_time", "id"], unique=False
    )
    op.create_index("ix_entitlements_team_id", "entitlements", ["team_id", "create_time", "id"], unique=False)
    op.create_index(
        "uq_entitlements_order_line_id", "entitlements", ["order_line_id", "fulfilment_id"], unique=True
    )
    op.create_table(
        "queues",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("assignment", sa.Text(), nullable=False),
        sa.Column("member_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("max_open_per_member", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queues")),
    )
    op.create_table(
        "sla_clocks",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("sla_policy_id", sa.Uuid(), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=True),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("runs_while_waiting", sa.Boolean(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target", sa.Interval(), nullable=False),
        sa.Column("warning_percent", sa.Integer(), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("used", sa.Interval(), nullable=False),
        sa.Column("running_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warned", sa.Boolean(), nullable=False),
        sa.Column("breached", sa.Boolean(), nullable=False),
        sa.Column("steps_taken", sa.Integer(), nullable=False),
        sa.Column("warning_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("target_seconds", sa.Integer(), nullable=False),
        sa.Column("elapsed_seconds", sa.Integer(), nullable=False),
        sa.Column("ticket_kind", sa.Text(), nullable=False),
        sa.Column("ticket_priority", sa.Text(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_clocks")),
    )
    op.create_index(
        "ix_sla_clocks_branch_path", "sla_clocks", ["branch_path", "create_time", "id"], unique=False
    )
    op.create_index(
        "ix_sla_clocks_calendar_id",
        "sla_clocks",
        ["calendar_id"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index("ix_sla_clocks_create_time", "sla_clocks", ["create_time", "id"], unique=False)
    op.create_index(
        "ix_sla_clocks_customer_id", "sla_clocks", ["customer_id", "create_time", "id"], unique=False
    )
    op.create_index(
        "ix_sla_clocks_next_time",
        "sla_clocks",
        ["next_time"],
        unique=False,
        postgresql_where=sa.text("next_time IS NOT NULL"),
    )
    op.create_index("ix_sla_clocks_owner_id", "sla_clocks", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_sla_clocks_team_id", "sla_clocks", ["team_id", "create_time", "id"], unique=False)
    op.create_index("ix_sla_clocks_ticket_id", "sla_clocks", ["ticket_id"], unique=False)
    op.create_table(
        "sla_policies",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("priorities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("value_classes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=True),
        sa.Column("runs_while_waiting", sa.Boolean(), nullable=False),
        sa.Column("targets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_policies")),
    )
    op.create_table(
        "stations",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("regions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("skills", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("open_dispatch_count", sa.Integer(), nullable=False),
        sa.Column("rating", sa.Numeric(), nullable=True),
        sa.Column("rating_total", sa.Numeric(), nullable=False),
        sa.Column("rating_count", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("flag_reason", sa.Text(), nullable=False),
        sa.Column("unflag_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offer_minutes", sa.Integer(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("open_dispatch_count >= 0", name=op.f("ck_stations_open_dispatch_count")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
    )
    op.create_index("ix_stations_branch_path", "stations", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_stations_create_time", "stations", ["create_time", "id"], unique=False)
    op.create_index("ix_stations_owner_id", "stations", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_stations_team_id", "stations", ["team_id", "create_time", "id"], unique=False)
    op.create_index("uq_stations_code", "stations", ["code"], unique=True)
    op.create_table(
        "survey_responses",
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_number", sa.Text(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("low", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("complaint_ticket_id", sa.Uuid(), nullable=True),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_responses")),
    )
    op.create_index(
        "ix_survey_responses_branch_path",
        "survey_responses",
        ["branch_path", "create_time", "id"],
        unique=False,
    )
    op.create_index(
        "ix_survey_responses_create_time", "survey_responses", ["create_time", "id"], unique=False
    )
    op.create_index(
        "ix_survey_responses_customer_id",
        "survey_responses",
        ["customer_id", "create_time", "id"],
        unique=False,
    )
    op.create_index(
        "ix_survey_responses_owner_id", "survey_responses", ["owner_id", "create_time", "id"], unique=False
    )
    op.create_index("ix_survey_responses_survey_id", "survey_responses", ["survey_id"], unique=False)
    op.create_index(
        "ix_survey_responses_team_id", "survey_responses", ["team_id", "create_time", "id"], unique=False
    )
    op.create_index(
        "uq_survey_responses_ticket_id", "survey_responses", ["ticket_id", "survey_id"], unique=True
    )
    op.create_index("uq_survey_responses_token_hash", "survey_responses", ["token_hash"], unique=True)
    op.create_table(
        "surveys",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("questions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("ticket_kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("low_score", sa.Integer(), nullable=True),
        sa.Column("valid_days", sa.Integer(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surveys")),
    )
    op.create_table(
        "ticket_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous_value", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("attachments", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_entries")),
    )
    op.create_index(
        "ix_ticket_entries_ticket_id", "ticket_entries", ["ticket_id", "create_time", "id"], unique=False
    )
    op.create_table(
        "ticket_series",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_series")),
    )
    op.create_table(
        "tickets",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("search", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("product_code", sa.Text(), nullable=False),
        sa.Column("device_serial", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("value_class", sa.Text(), nullable=False),
        sa.Column("covered", sa.Boolean(), nullable=False),
        sa.Column("coverage_reason", sa.Text(), nullable=False),
        sa.Column("coverage_entitlement_id", sa.Uuid(), nullable=True),
        sa.Column("queue_id", sa.Uuid(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("recurrence_of_id", sa.Uuid(), nullable=True),
        sa.Column("root_cause", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("escalation_level", sa.Integer(), nullable=False),
        sa.Column("reopen_count", sa.Integer(), nullable=False),
        sa.Column("satisfaction_score", sa.Integer(), nullable=True),
        sa.Column("low_score", sa.Boolean(), nullable=False),
        sa.Column("open_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_response_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolve_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("historic", sa.Boolean(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("delete_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("branch_path", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
    )
    op.create_index("ix_tickets_branch_path", "tickets", ["branch_path", "create_time", "id"], unique=False)
    op.create_index("ix_tickets_create_time", "tickets", ["create_time", "id"], unique=False)
    op.create_index("ix_tickets_customer_id", "tickets", ["customer_id", "create_time", "id"], unique=False)
    op.create_index("ix_tickets_merged_into_id", "tickets", ["merged_into_id"], unique=False)
    op.create_index(
        "ix_tickets_open_customer",
        "tickets",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('new', 'open', 'waiting') AND delete_time IS NULL"),
    )
    op.create_index(
        "ix_tickets_open_owner",
        "tickets",
        ["owner_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('new', 'open', 'waiting') AND delete_time IS NULL"),
    )
    op.create_index("ix_tickets_owner_id", "tickets", ["owner_id", "create_time", "id"], unique=False)
    op.create_index("ix_tickets_parent_id", "tickets", ["parent_id"], unique=False)
    op.create_index("ix_tickets_queue_id", "tickets", ["queue_id", "state"], unique=False)
    op.create_index("ix_tickets_search", "tickets", ["search"], unique=False, postgresql_using="gin")
    op.create_index("ix_tickets_team_id", "tickets", ["team_id", "create_time", "id"], unique=False)
    op.create_index("uq_tickets_external_id", "tickets", ["external_id"], unique=True)
    op.create_index("uq_tickets_number", "tickets", ["number"], unique=True)
    op.create_index("uq_tickets_origin", "tickets", ["origin"], unique=True)

    migrations.after_first()


def downgrade() -> None:
    raise NotImplementedError("the first version is where it starts")
