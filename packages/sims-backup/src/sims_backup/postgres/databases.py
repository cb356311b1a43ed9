"""Databases as a whole: create like the original, drop, swap two names."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from psycopg import sql
from typing_extensions import override

from sims_backup.contract.manifest import DatabaseFacts
from sims_backup.errors import Busy, Refused
from sims_backup.postgres.catalog import existing_roles
from sims_backup.postgres.server import Connection, Server, database_errors
from sims_backup.steps import effect
from sims_common.logs import get_logger

log = get_logger(__name__)

NAME_BYTES = 63
_SWAP_TRIES = 3
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def derived_name(database: str, suffix: str) -> str:
    """``<database><suffix>`` within PostgreSQL's 63 bytes, cut between characters."""
    room = NAME_BYTES - len(suffix.encode())
    return database.encode()[:room].decode(errors="ignore") + suffix


def exists(connection: Connection, name: str) -> bool:
    with database_errors("looking for databases"):
        return bool(
            connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).rowcount
        )


def require_no_prepared(connection: Connection, name: str) -> None:
    """A prepared transaction belongs to no session, so it can't be ended for a swap."""
    with database_errors("looking for prepared transactions"):
        rows = connection.execute(
            "SELECT gid FROM pg_prepared_xacts WHERE database = %s LIMIT 5", (name,)
        ).fetchall()
    if rows:
        gids = ", ".join(str(row[0]) for row in rows)
        raise Busy(
            f"{name} can't be swapped while it has a prepared transaction ({gids}); settle it "
            "with COMMIT PREPARED or ROLLBACK PREPARED"
        )


def create(connection: Connection, name: str, like: DatabaseFacts, owner: str) -> None:
    """An empty database with the encoding and locale of ``like``."""
    provider = _PROVIDERS.get(like.locale_provider, "libc")
    parts: list[sql.Composable] = [
        sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)),
        sql.SQL("OWNER {} ENCODING {}").format(sql.Identifier(owner), sql.Literal(like.encoding)),
        sql.SQL("LOCALE_PROVIDER {}").format(sql.SQL(provider)),
        sql.SQL("LC_COLLATE {} LC_CTYPE {}").format(
            sql.Literal(like.collate), sql.Literal(like.ctype)
        ),
    ]
    if like.locale and provider != "libc":
        word = sql.SQL("ICU_LOCALE" if provider == "icu" else "BUILTIN_LOCALE")
        parts.append(word + sql.SQL(" {}").format(sql.Literal(like.locale)))
    if like.icu_rules:
        parts.append(sql.SQL("ICU_RULES {}").format(sql.Literal(like.icu_rules)))
    with effect("pg.create", name), database_errors(f"creating database {name}"):
        connection.execute(sql.SQL(" ").join(parts))


def drop(connection: Connection, name: str) -> None:
    """Ends its sessions and removes it; absent is fine."""
    query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with effect("pg.drop", name), database_errors(f"dropping database {name}"):
        connection.execute(query)


def apply_properties(connection: Connection, name: str, facts: DatabaseFacts) -> list[str]:
    """Settings, grants, comment and connection limit; returns what could not be applied."""
    known = existing_roles(connection)
    missing: list[str] = []
    database = sql.Identifier(name)
    statements: list[sql.Composed] = []
    for role, setting in facts.settings:
        key, _, value = setting.partition("=")
        where = (
            sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), database)
            if role
            else sql.SQL("DATABASE {}").format(database)
        )
        if role and role not in known:
            missing.append(f"setting {key} for role {role}: there is no such role")
            continue
        statements.append(
            sql.SQL("ALTER {} SET {} = {}").format(where, _setting_name(key), _value(key, value))
        )
    statements += list(_grants(database, facts, known, missing))
    statements.append(
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(facts.comment))
    )
    statements.append(
        sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
            database, sql.Literal(facts.connection_limit)
        )
    )
    with effect("pg.alter", name), database_errors(f"properties of database {name}"):
        for statement in statements:
            connection.execute(statement)
    return missing


def _setting_name(key: str) -> sql.Composable:
    return sql.SQL(".").join(sql.Identifier(part) for part in key.split("."))


_LISTS = {
    "search_path",
    "temp_tablespaces",
    "session_preload_libraries",
    "local_preload_libraries",
}


_ITEM = re.compile(r'"((?:[^"]|"")*)"|([^",\s]+)')


def _value(key: str, value: str) -> sql.Composable:
    """List settings are stored quoted item by item; others as one text."""
    if key not in _LISTS:
        return sql.Literal(value)
    items = [quoted.replace('""', '"') or bare for quoted, bare in _ITEM.findall(value)]
    return sql.SQL(", ").join(sql.Literal(item) for item in items or [""])


def _grants(
    database: sql.Identifier, facts: DatabaseFacts, known: set[str], missing: list[str]
) -> Iterable[sql.Composed]:
    if facts.grants is None:
        return
    yield sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database)
    for grantee, privilege, option in facts.grants:
        if grantee and grantee not in known:
            missing.append(f"{privilege} on the database to {grantee}: there is no such role")
            continue
        yield sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
            sql.SQL(_privilege(privilege)),
            database,
            sql.Identifier(grantee) if grantee else sql.SQL("PUBLIC"),
            sql.SQL(" WITH GRANT OPTION" if option else ""),
        )


def _privilege(name: str) -> str:
    if name not in {"CREATE", "CONNECT", "TEMPORARY"}:
        raise Refused(f"the manifest grants {name!r} on a database, which does not exist")
    return name


def rename(live: str, aside: str, new: str) -> list[sql.Composed]:
    """Statements that put ``new`` in the place of ``live``; ``aside`` accepts no sessions."""
    return [
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
            sql.Identifier(live), sql.Identifier(aside)
        ),
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(new), sql.Identifier(live)),
        sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(sql.Identifier(live)),
        sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(aside)),
    ]


def swap(
    server: Server,
    connection: Connection,
    names: tuple[str, str, str],
    record: Callable[[], None],
) -> float:
    """Renames ``(live, aside, new)`` and calls ``record``, in one transaction.

    The first rename locks the database's name: new sessions wait for the end of the
    transaction, while a second connection ends the ones that are there. So the fence is the
    transaction itself; a crash at any point leaves the old database open. Returns the
    seconds during which sessions could not begin.
    """
    live, aside, new = names
    for attempt in range(1, _SWAP_TRIES + 1):
        began = time.monotonic()
        try:
            with (
                effect("pg.swap", live),
                _Evictor(server, (live, new)),
                connection.transaction(),
            ):
                for statement in rename(live, aside, new):
                    connection.execute(statement)
                record()
        except psycopg.errors.ObjectInUse:
            log.warning("database still in use", database=live, attempt=attempt)
            continue
        except psycopg.Error as error:
            with database_errors(f"swapping {live}"):
                raise error from None
        return time.monotonic() - began
    raise Busy(
        f"{live} could not be swapped: {_blockers(connection, live)}. The old data is live and "
        "unchanged; end what holds it and restore again"
    )


def move(connection: Connection, name: str, to: str, record: Callable[[], None]) -> None:
    """Renames a database nobody uses and calls ``record``, in one transaction."""
    query = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
        sql.Identifier(name), sql.Identifier(to)
    )
    with (
        effect("pg.swap", to),
        database_errors(f"renaming {name}"),
        connection.transaction(),
    ):
        connection.execute(query)
        record()


def _blockers(connection: Connection, name: str) -> str:
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts WHERE database = %s"
        " UNION ALL SELECT format('session %%s of %%s', pid, usename) FROM pg_stat_activity"
        " WHERE datname = %s LIMIT 5",
        (name, name),
    ).fetchall()
    return ", ".join(str(row[0]) for row in rows) or "sessions kept coming"


class _Evictor(threading.Thread):
    """Ends sessions of the databases every 20 ms while its block runs."""

    def __init__(self, server: Server, names: tuple[str, ...]) -> None:
        super().__init__(name="evictor", daemon=True)
        self._connection = server.connect(server.maintenance)
        self._names = list(names)
        self._over = threading.Event()
        self._error: psycopg.Error | None = None

    @override
    def run(self) -> None:
        while not self._over.wait(0.02):
            try:
                self._connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = ANY(%s) AND pid <> pg_backend_pid()",
                    (self._names,),
                )
            except psycopg.Error as error:
                self._error = error
                return

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        self._connection.close()
        if self._error is not None:
            log.warning("sessions could not be ended", error=str(self._error).strip())
