"""Which tables the audit trail follows: all but those named here.

Triggers are attached after each migration, so a new table is audited without a line of its
own. Its secrets and its noise are said here.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, inspect, text

from sims_core.models import Base

NOT_AUDITED = {
    "audit_chain": "the trail itself",
    "audit_event": "the trail itself",
    "audit_seal": "the trail itself",
    "idempotency_key": "repeats what the request's own rows say",
    "outbox": "a job's state; what it does is audited where it does it",
    "refresh_token": "rotates every ten minutes; the sign-in is audited",
    "row_count": "derived",
    "sign_in_throttle": "counts attempts; the log has each",
}
"""table → why not"""
SECRETS: dict[str, tuple[str, ...]] = {
    "password_code": ("code_hash",),
    "user_account": ("password_hash",),
}
"""Columns of which only the change is recorded."""
_EVERYWHERE = ("created_at", "updated_at", "version")
IGNORED: dict[str, tuple[str, ...]] = {
    "auth_session": ("expires_at",),
    "import_job": ("rows", "file_hash"),
    "section": ("enrolled_count",),
    "student": ("search_text",),
    "user_account": ("last_login_at",),
}
"""Columns whose change is no event: derived, or bulky and kept elsewhere."""

_EVENTS = {
    "insert": "INSERT ON {} REFERENCING NEW TABLE AS added",
    "update": "UPDATE ON {} REFERENCING OLD TABLE AS removed NEW TABLE AS added",
    "delete": "DELETE ON {} REFERENCING OLD TABLE AS removed",
    "truncate": "TRUNCATE ON {}",
}


def audited() -> list[Table]:
    return [t for name, t in sorted(Base.metadata.tables.items()) if name not in NOT_AUDITED]


def _array(names: tuple[str, ...]) -> str:
    return "{" + ",".join(names) + "}"


def arguments(table: Table) -> tuple[str, str, str]:
    """Of the trigger: keys, secrets and ignored columns, as PostgreSQL writes arrays."""
    return (
        _array(tuple(column.name for column in table.primary_key.columns)),
        _array(SECRETS.get(table.name, ())),
        _array(_EVERYWHERE + IGNORED.get(table.name, ())),
    )


def attach(connection: Connection) -> list[str]:
    """Gives every audited table its triggers; returns the tables that were changed.

    Does nothing in a database that has no audit trail yet, and takes no lock on a table
    whose triggers are right.
    """
    if not inspect(connection).has_table("audit_event"):
        return []
    changed = lacking(connection)
    for table in changed:
        _replace(connection, table)
    return [table.name for table in changed]


def lacking(connection: Connection) -> list[Table]:
    """Tables that should be followed and are not, or not as is said here."""
    existing = set(inspect(connection).get_table_names())
    attached = {
        (row.table_name, row.arguments)
        for row in connection.execute(text(_ATTACHED))
        if row.triggers == len(_EVENTS)
    }
    return [
        table
        for table in audited()
        if table.name in existing
        and (table.name, "".join(f"{one}\1" for one in arguments(table))) not in attached
    ]


_ATTACHED = r"""
SELECT c.relname AS table_name, replace(encode(t.tgargs, 'escape'), '\000', chr(1)) AS arguments,
  count(*) AS triggers
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname = 'sims_audit_rows' AND t.tgenabled = 'O'
  AND c.relnamespace = 'public'::regnamespace
GROUP BY 1, 2
"""


def _replace(connection: Connection, table: Table) -> None:
    sent = ", ".join(f"'{argument}'" for argument in arguments(table))
    for event, clause in _EVENTS.items():
        connection.execute(text(f"DROP TRIGGER IF EXISTS audit_{event} ON {table.name}"))
        connection.execute(
            text(
                f"CREATE TRIGGER audit_{event} AFTER {clause.format(table.name)}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION sims_audit_rows({sent})"
            )
        )
