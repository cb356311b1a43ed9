"""The audit trail (ADR 0011): what writes it, chains it and keeps it from being changed.

``sims_audit_rows`` is attached to the tables after the migrations (``audit_tables.attach``).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sims_core.migrations import steps

revision = "0013"
down_revision = "0035"
branch_labels = None
depends_on = None

APPEND_ONLY = ("audit_event", "audit_seal")
PERMISSIONS = [
    ("audit.events.view", "See the audit trail", "Admin"),
    ("audit.events.export", "Export the audit trail", "Admin"),
]

# Sixteen chains: as many writers need not wait for each other. A chain's head is locked by its first event and until the commit, so each transaction takes
# one, any that is free. It waits only while all are taken.
CHAIN = """
CREATE FUNCTION sims_audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
  wanted smallint := nullif(current_setting('sims.audit_chain', true), '');
  head audit_chain;
BEGIN
  IF wanted IS NULL THEN
    SELECT chain INTO wanted FROM audit_chain
      ORDER BY (chain + pg_backend_pid()) % 16 FOR UPDATE SKIP LOCKED LIMIT 1;
    wanted := coalesce(wanted, pg_backend_pid() % 16);
    PERFORM set_config('sims.audit_chain', wanted::text, true);
  END IF;
  SELECT * INTO STRICT head FROM audit_chain WHERE chain = wanted FOR UPDATE;
  NEW.at := clock_timestamp();
  NEW.chain := wanted;
  NEW.position := head.position + 1;
  NEW.previous := head.hash;
  NEW.hash := sha256(head.hash || convert_to(sims_audit_canonical(NEW), 'UTF8'));
  UPDATE audit_chain SET position = NEW.position, hash = NEW.hash WHERE chain = wanted;
  RETURN NEW;
END $$
"""

# jsonb has one text for one value: its keys are sorted, its blanks fixed.
CANONICAL = """
CREATE FUNCTION sims_audit_canonical(e audit_event) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, public AS $$
  SELECT jsonb_build_object(
    'id', e.id, 'at', (extract(epoch FROM e.at) * 1000000)::bigint, 'actor_id', e.actor_id,
    'actor', e.actor, 'action', e.action, 'entity', e.entity, 'entity_id', e.entity_id,
    'method', e.method, 'route', e.route, 'request_id', e.request_id, 'ip', e.ip,
    'user_agent', e.user_agent, 'source', e.source, 'changes', e.changes,
    'chain', e.chain, 'position', e.position)::text
$$
"""

REFUSE = """
CREATE FUNCTION sims_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only: % of % refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$
"""

CHANGES = """
CREATE FUNCTION sims_audit_changes(old jsonb, new jsonb, secrets text[], ignored text[])
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(jsonb_object_agg(key,
    CASE WHEN key = ANY (secrets) THEN '["***", "***"]'::jsonb
    ELSE jsonb_build_array(old -> key, new -> key) END), '{}')
  FROM jsonb_object_keys(coalesce(new, old)) AS key
  WHERE key <> ALL (ignored)
    AND nullif(old -> key, 'null') IS DISTINCT FROM nullif(new -> key, 'null')
$$
"""

KEY = """
CREATE FUNCTION sims_audit_key(r jsonb, keys text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(r ->> key, ':' ORDER BY place) FROM unnest(keys) WITH ORDINALITY AS k(key, place)
$$
"""

# Statement triggers: one call for a bulk write, and every writer is seen: ORM, Core, SQL.
# A load of more than 5000 new rows is one event; its values are in the table itself.
ROWS = """
CREATE FUNCTION sims_audit_rows() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
  context jsonb := coalesce(nullif(current_setting('sims.audit', true), '')::jsonb, '{}');
  keys text[] := TG_ARGV[0];
  secrets text[] := TG_ARGV[1];
  ignored text[] := TG_ARGV[2];
  event audit_event;
  many bigint := 1;
BEGIN
  event.actor_id := (context ->> 'actor_id')::bigint;
  event.method := coalesce(context ->> 'method', '');
  event.route := coalesce(context ->> 'route', '');
  event.request_id := coalesce(context ->> 'request_id', '');
  event.ip := coalesce(context ->> 'ip', '');
  event.user_agent := coalesce(context ->> 'user_agent', '');
  event.source := current_setting('application_name');
  SELECT username INTO event.actor FROM user_account WHERE id = event.actor_id;
  event.actor := coalesce(event.actor, '');
  IF TG_OP = 'INSERT' THEN
    SELECT count(*) INTO many FROM added;
  END IF;
  IF TG_OP = 'TRUNCATE' OR many > 5000 THEN
    INSERT INTO audit_event (actor_id, actor, action, entity, method, route, request_id, ip,
      user_agent, source, changes)
    VALUES (event.actor_id, event.actor, CASE TG_OP WHEN 'INSERT' THEN 'load' ELSE 'truncate' END,
      TG_TABLE_NAME, event.method, event.route, event.request_id, event.ip, event.user_agent,
      event.source, jsonb_build_object('rows', CASE TG_OP WHEN 'INSERT' THEN many END));
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO audit_event (actor_id, actor, action, entity, entity_id, method, route, request_id,
      ip, user_agent, source, changes)
    SELECT event.actor_id, event.actor, 'create', TG_TABLE_NAME, sims_audit_key(n.r, keys),
      event.method, event.route, event.request_id, event.ip, event.user_agent, event.source,
      sims_audit_changes(NULL, n.r, secrets, ignored)
    FROM (SELECT to_jsonb(a) AS r FROM added a) n;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO audit_event (actor_id, actor, action, entity, entity_id, method, route, request_id,
      ip, user_agent, source, changes)
    SELECT event.actor_id, event.actor, 'delete', TG_TABLE_NAME, sims_audit_key(o.r, keys),
      event.method, event.route, event.request_id, event.ip, event.user_agent, event.source,
      sims_audit_changes(o.r, NULL, secrets, ignored)
    FROM (SELECT to_jsonb(d) AS r FROM removed d) o;
  ELSE
    INSERT INTO audit_event (actor_id, actor, action, entity, entity_id, method, route, request_id,
      ip, user_agent, source, changes)
    SELECT event.actor_id, event.actor, 'update', TG_TABLE_NAME, both_.key,
      event.method, event.route, event.request_id, event.ip, event.user_agent, event.source,
      both_.changes
    FROM (
      SELECT coalesce(n.key, o.key) AS key,
        CASE WHEN n.r IS NULL THEN sims_audit_changes(o.r, NULL, secrets, ignored)
        ELSE sims_audit_changes(o.r, n.r, secrets, ignored) END AS changes
      FROM (SELECT to_jsonb(a) AS r, sims_audit_key(to_jsonb(a), keys) AS key FROM added a) n
      FULL JOIN (SELECT to_jsonb(d) AS r, sims_audit_key(to_jsonb(d), keys) AS key FROM removed d) o
        ON n.key = o.key) both_
    WHERE both_.changes <> '{}';
  END IF;
  RETURN NULL;
END $$
"""


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), server_default="", nullable=False)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), server_default="", nullable=False)


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        _text("actor", 150),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("entity", sa.String(63), nullable=False),
        sa.Column("entity_id", sa.String(100), nullable=True),
        _text("method", 8),
        _text("route", 200),
        _text("request_id", 64),
        _text("ip", 45),
        _text("user_agent", 255),
        _text("source", 63),
        sa.Column("changes", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("chain", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        _bytes("previous"),
        _bytes("hash"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("chain", "position", name=op.f("uq_audit_event_chain_position")),
    )
    op.create_index("ix_audit_event_at_id", "audit_event", ["at", "id"])
    op.create_index("ix_audit_event_actor_id_id", "audit_event", ["actor_id", "id"])
    op.create_index("ix_audit_event_entity_entity_id", "audit_event", ["entity", "entity_id"])
    op.create_table(
        "audit_chain",
        sa.Column("chain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_chain")),
    )
    op.execute("ALTER TABLE audit_chain SET (fillfactor = 10)")  # rewritten in place, always
    op.execute(
        "INSERT INTO audit_chain SELECT n, 0, sha256(convert_to('sims audit chain ' || n, 'UTF8'))"
        " FROM generate_series(0, 15) n"
    )
    op.create_table(
        "audit_seal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heads", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
    )
    for function in (CANONICAL, CHAIN, REFUSE, CHANGES, KEY, ROWS):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER chain BEFORE INSERT ON audit_event"
        " FOR EACH ROW EXECUTE FUNCTION sims_audit_chain()"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION sims_audit_refuse()"
        )
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER")
    op.execute(
        "CREATE TRIGGER refuse BEFORE INSERT OR DELETE OR TRUNCATE ON audit_chain"
        " FOR EACH STATEMENT EXECUTE FUNCTION sims_audit_refuse()"
    )
    steps.grant(PERMISSIONS)


def downgrade() -> None:
    steps.revoke(PERMISSIONS)
    op.execute("DROP FUNCTION sims_audit_rows() CASCADE")  # and the triggers that call it
    op.drop_table("audit_seal")
    op.drop_table("audit_chain")
    op.execute("DROP FUNCTION sims_audit_chain() CASCADE")
    op.execute("DROP FUNCTION sims_audit_canonical(audit_event)")
    op.drop_table("audit_event")
    op.execute("DROP FUNCTION sims_audit_refuse()")
    op.execute("DROP FUNCTION sims_audit_changes(jsonb, jsonb, text[], text[])")
    op.execute("DROP FUNCTION sims_audit_key(jsonb, text[])")
