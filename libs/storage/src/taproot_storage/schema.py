"""Tables every service has: events out and in, the audit, repeats, operations, and the projection of identities."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)
Instant = DateTime(timezone=True)

_event_numbers = Sequence("event_log_number", metadata=metadata)
_audit_numbers = Sequence("audit_events_number", metadata=metadata)

event_log = Table(
    "event_log",
    metadata,
    Column("occurred_at", Instant, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False, server_default=_event_numbers.next_value()),
    Column("aggregate_type", Text, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("party_id", Uuid),
    Column("branch_path", Text),
    Column("owner_id", Uuid),
    Column("actor", Text, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("published_at", Instant),
    Index("ix_event_log_unpublished", "number", postgresql_where=text("published_at IS NULL")),
    Index("ix_event_log_number", "number"),
    Index("ix_event_log_aggregate", "aggregate_id", "version"),
    postgresql_partition_by="RANGE (occurred_at)",
)

# Who did and who read what. Append-only for the service's login, and so are the blocks that seal it.
audit_events = Table(
    "audit_events",
    metadata,
    Column("time", Instant, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False, server_default=_audit_numbers.next_value()),
    Column("category", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("on_behalf_of", Text, nullable=False),
    Column("branch_path", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("permission", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("record_ids", ARRAY(Text), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    Column("filter_fields", ARRAY(Text), nullable=False),
    Column("record_count", BigInteger, nullable=False),
    Column("client", Text, nullable=False),
    Index("ix_audit_events_number", "number"),
    Index("ix_audit_events_record_ids", "record_ids", postgresql_using="gin"),
    Index("ix_audit_events_branch_path", "branch_path", "time", "id"),
    Index("ix_audit_events_principal", "principal", "time", "id"),
    postgresql_partition_by="RANGE (time)",
)

# Numbers of audit events no block holds yet: what commits late waits here for a later block.
audit_unsealed = Table(
    "audit_unsealed",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
)

audit_blocks = Table(
    "audit_blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("seal_time", Instant, nullable=False),
    Column("numbers", ARRAY(BigInteger), nullable=False),
    Column("digests", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Index("ix_audit_blocks_seal_time", "seal_time"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("occurred_at", Instant, primary_key=True),
    postgresql_partition_by="RANGE (occurred_at)",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=True),
    Column("consumer", Text, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("subject", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False, server_default=func.now()),
    Index("uq_dead_letters_consumer_event_id", "consumer", "event_id", unique=True),
    Index("ix_dead_letters_consumer_aggregate_id", "consumer", "aggregate_id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("result_id", Text),
    Column("created_at", Instant, nullable=False),
    Index("ix_idempotency_created_at", "created_at"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("resource_id", Text, nullable=False, server_default=""),
    Column("principal", JSONB, nullable=False),
    Column("owner", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("done_count", BigInteger, nullable=False, server_default="0"),
    Column("total_count", BigInteger, nullable=False, server_default="0"),
    Column("cancel_requested", Boolean, nullable=False, server_default=text("false")),
    Column("response", LargeBinary),
    Column("error_code", Integer),
    Column("error_message", Text),
    Column("traceparent", Text, nullable=False, server_default=""),
    Column("leased_until", Instant),
    Column("create_time", Instant, nullable=False),
    Column("update_time", Instant, nullable=False),
    Index("ix_operations_owner", "owner", "create_time", "id"),
    Index("ix_operations_open", "leased_until", postgresql_where=text("state IN ('pending', 'running')")),
)

# Hashes of the ids of erased subjects: no event about them takes effect again.
erased_subjects = Table(
    "erased_subjects",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("erase_time", Instant, nullable=False),
)

# What this service did for an erasure, kept with its transaction: a repeat answers the same and finishes the rest.
erasure_steps = Table(
    "erasure_steps",
    metadata,
    Column("erasure_id", Uuid, primary_key=True),
    Column("record_ids", ARRAY(Uuid), nullable=False),
    Column("blob_keys", ARRAY(Text), nullable=False),
    Column("report", LargeBinary, nullable=False),
    Column("create_time", Instant, nullable=False),
)

redirects = Table(
    "redirects",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("root_id", Uuid, nullable=False),
    Column("merge_id", Uuid),
    Column("version", BigInteger, nullable=False),
    Index("ix_redirects_root_id", "root_id"),
)

identity_roles = Table(
    "identity_roles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("grants", JSONB, nullable=False),
    Column("masked", ARRAY(Text), nullable=False),
    Column("deleted", Boolean, nullable=False, server_default=text("false")),
)

identity_branches = Table(
    "identity_branches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("regions", ARRAY(Text), nullable=False),
    Column("closed", Boolean, nullable=False),
)

# Where branches have been, while rows follow them. Kept when the projection is built anew.
identity_moves = Table(
    "identity_moves",
    metadata,
    Column("branch_id", Uuid, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("previous_path", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("moved_at", Instant, nullable=False),
    Column("swept_at", Instant, nullable=False),
    Column("done_at", Instant),
    Column("row_count", BigInteger, nullable=False, server_default=text("0")),
)

identity_users = Table(
    "identity_users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("branch_id", Uuid),
    Column("team_ids", ARRAY(Uuid), nullable=False),
    Column("role_ids", ARRAY(Uuid), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("email", Text, nullable=False),
    Column("language_code", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Index("ix_identity_users_branch_id", "branch_id"),
)

# Fields of the enterprise's own: their definitions, how often these changed, and the values lists filter by.
custom_fields = Table(
    "custom_field_specs",
    metadata,
    Column("resource_type", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("spec", JSONB, nullable=False),
    Column("indexed", Boolean, nullable=False),
)

custom_generation = Table(
    "custom_generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", BigInteger, nullable=False),
)


def _side(name: str, kind: object) -> Table:
    """Values of one type: found by value, and by record."""
    return Table(
        name,
        metadata,
        Column("field", Text, primary_key=True),
        Column("value", kind, primary_key=True),  # type: ignore[arg-type]  # a type of SQLAlchemy
        Column("record_id", Uuid, primary_key=True),
        Index(f"ix_{name}_record_id", "record_id", "field"),
    )


custom_texts = _side("custom_texts", Text())
custom_numbers = _side("custom_numbers", Numeric())
custom_dates = _side("custom_dates", Date())
custom_instants = _side("custom_instants", Instant)

custom_uniques = Table(
    "custom_uniques",
    metadata,
    Column("field", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("record_id", Uuid, nullable=False),
    Index("ix_custom_uniques_record_id", "record_id", "field"),
)
