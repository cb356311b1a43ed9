"""Steps that several revisions take: counting a table's rows, seeding permissions.

A revision hands over literal data, so that it does the same forever.
"""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op
from sqlalchemy import text

_TRIGGERS = ("count_inserted", "count_deleted", "count_truncated")


def count_rows_of(table: str) -> None:
    """Starts counting ``table`` (ADR 0005): what it holds now, then each statement's change."""
    op.execute(
        f"CREATE TRIGGER count_inserted AFTER INSERT ON {table}"
        " REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sims_count_rows()"
    )
    op.execute(
        f"CREATE TRIGGER count_deleted AFTER DELETE ON {table}"
        " REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION sims_count_rows()"
    )
    op.execute(
        f"CREATE TRIGGER count_truncated AFTER TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION sims_count_rows()"
    )
    op.execute(f"INSERT INTO row_count SELECT '{table}', 0, count(*) FROM {table}")  # noqa: S608


def stop_counting(table: str) -> None:
    """Takes ``count_rows_of`` back."""
    for trigger in _TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    op.execute(f"DELETE FROM row_count WHERE entity = '{table}'")  # noqa: S608


def grant(permissions: Iterable[tuple[str, str, str]]) -> None:
    """Adds permissions as (code, description, names of roles parted by blanks)."""
    run = op.get_bind().execute
    for code, description, roles in permissions:
        run(
            text("INSERT INTO permission (code, description) VALUES (:code, :description)"),
            {"code": code, "description": description},
        )
        run(
            text(
                "INSERT INTO role_permission (role_id, permission_code)"
                " SELECT id, :code FROM role WHERE name = ANY(:roles)"
            ),
            {"code": code, "roles": roles.split()},
        )


def revoke(permissions: Iterable[tuple[str, str, str]]) -> None:
    """Takes ``grant`` back."""
    codes = [code for code, _, _ in permissions]
    op.get_bind().execute(text("DELETE FROM permission WHERE code = ANY(:codes)"), {"codes": codes})


_CHANGES = {
    "insert": "REFERENCING NEW TABLE AS added",
    "update": "REFERENCING OLD TABLE AS removed NEW TABLE AS added",
    "delete": "REFERENCING OLD TABLE AS removed",
}


def refuse_closed(table: str, period: str, join: str = "") -> None:
    """Refuses every write of ``table`` that belongs to a closed academic period.

    ``period`` is the SQL of a row's period, the row being ``r`` and what ``join`` adds.
    """
    for event, rows in _CHANGES.items():
        op.execute(
            f"CREATE TRIGGER refuse_closed_{event} AFTER {event.upper()} ON {table} {rows}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION sims_refuse_closed('{period}', '{join}')"
        )


def accept_closed(table: str) -> None:
    """Takes ``refuse_closed`` back."""
    for event in _CHANGES:
        op.execute(f"DROP TRIGGER refuse_closed_{event} ON {table}")
