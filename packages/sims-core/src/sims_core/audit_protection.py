"""Gives the audit trail to a role of its own, so that the application's cannot change it.

An owner can switch triggers off. After this the application may add events and read them;
its owner ``sims_audit`` cannot log in. A superuser does it once, after the first migration;
doing it again changes nothing.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import Connection, sql

OWNER = "sims_audit"
_TABLES: dict[str, LiteralString] = {
    "audit_event": "SELECT, INSERT",
    "audit_chain": "SELECT",
    "audit_seal": "SELECT, INSERT",
}
_FUNCTIONS: tuple[LiteralString, ...] = (
    "sims_audit_chain()",
    "sims_audit_canonical(audit_event)",
    "sims_audit_refuse()",
)


def protect(connection: Connection, role: str) -> None:
    """``connection`` is a superuser's, to the application's database, in autocommit mode."""
    app, owner = sql.Identifier(role), sql.Identifier(OWNER)
    with connection.transaction():
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(owner))
        # A schema's owner may drop what is in it, whoever owns that.
        connection.execute("ALTER SCHEMA public OWNER TO CURRENT_USER")
        connection.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(app))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(owner))
        for function in _FUNCTIONS:
            called = sql.SQL(function)
            connection.execute(sql.SQL("ALTER FUNCTION {} OWNER TO {}").format(called, owner))
        for table, granted in _TABLES.items():
            name = sql.Identifier(table)
            connection.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(name, owner))
            connection.execute(sql.SQL("REVOKE ALL ON {} FROM PUBLIC, {}").format(name, app))
            rights = sql.SQL(granted)
            connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(rights, name, app))
