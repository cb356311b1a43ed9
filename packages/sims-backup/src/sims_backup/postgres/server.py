"""The server: connections for us, an environment for the tools; no secret in argv."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sims_backup.contract.manifest import ServerFacts
from sims_backup.errors import BackupError, DatabaseUnavailable, NoSpace, Refused
from sims_backup.settings import BackupSettings

Connection = psycopg.Connection[tuple[Any, ...]]

OLDEST, NEWEST = 15, 18
_APPLICATION = "sims-backup"
_NOT_YET = (
    "Connection refused",
    "timeout expired",
    "No route to host",
    "starting up",
    "shutting down",
    "could not translate host name",
    "failed to resolve host",
)
_PRIVATE = ("SIMS_", "AWS_", "PG")


@contextmanager
def database_errors(doing: str) -> Iterator[None]:
    """psycopg's errors as what a person has to do about them."""
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise NoSpace(f"{doing}: the database server has no space left") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(f"{doing}: {_first_line(error)}; grant it or use another role") from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"{doing}: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise BackupError(f"{doing}: {_first_line(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    message = error.diag.message_primary or str(error)
    return message.strip().splitlines()[0] if message.strip() else type(error).__name__


class Server:
    """One PostgreSQL server and the database that is backed up or restored on it."""

    def __init__(self, settings: BackupSettings) -> None:
        url = settings.database_url.get_secret_value()
        scheme, _, rest = url.partition("://")
        try:
            self._params = conninfo_to_dict(f"{scheme.split('+')[0]}://{rest}" if rest else url)
        except psycopg.Error:
            raise Refused(
                "SIMS_DATABASE_URL is not a PostgreSQL URL (postgresql://user@host:port/database)"
            ) from None
        self.database = str(self._params.pop("dbname", "") or "")
        if not self.database:
            raise Refused("SIMS_DATABASE_URL names no database")
        self.maintenance = settings.maintenance_database
        self._patience = settings.backup_connect_wait
        # A statement that waits for ever would outlive the deadline: the server ends it.
        self._limits = (
            f"-c statement_timeout={int(settings.backup_deadline * 1000)}"
            f" -c lock_timeout={int(settings.backup_lock_timeout * 1000) or 1}"
        )
        if self.maintenance == self.database:
            raise Refused(
                "SIMS_MAINTENANCE_DATABASE must not be the database itself: the journal of a "
                "restore has to survive its swap"
            )

    @property
    def user(self) -> str | None:
        found = self._params.get("user")
        return str(found) if found else None

    def connect(self, database: str | None = None, **options: Any) -> Connection:
        """An autocommit connection; ``DatabaseUnavailable`` when there is none."""
        name = self.database if database is None else database
        params: dict[str, Any] = {
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            **self._params,
            "application_name": _APPLICATION,
            **options,
            "options": f"{self._limits} {options.get('options', '')}".strip(),
            "dbname": name,
        }
        with database_errors(f"database {name}"):
            return self._first(make_conninfo("", **params))

    def _first(self, conninfo: str) -> Connection:
        """Waits for the first connection: a new pod's network may take seconds to open."""
        end = time.monotonic() + self._patience
        while True:
            try:
                connection = psycopg.connect(conninfo, autocommit=True)
            except psycopg.OperationalError as error:
                if time.monotonic() >= end or not any(text in str(error) for text in _NOT_YET):
                    raise
                time.sleep(1)
            else:
                self._patience = 0.0
                return connection

    def environment(
        self, database: str, *, options: str = "", user: str = "", password: str = ""
    ) -> dict[str, str]:
        """For ``pg_dump`` and its like: libpq variables, without our other secrets."""
        names = {
            option.keyword.decode(): option.envvar.decode()
            for option in pq.Conninfo.get_defaults()
            if option.envvar
        }
        base = {k: v for k, v in os.environ.items() if not k.startswith(_PRIVATE)}
        base |= {names[key]: str(v) for key, v in self._params.items() if key in names}
        base |= {"PGDATABASE": database, "PGAPPNAME": _APPLICATION, "LC_ALL": "C"}
        if options:
            base["PGOPTIONS"] = f"{base.get('PGOPTIONS', '')} {options}".strip()
        if user:
            base |= {"PGUSER": user, "PGPASSWORD": password}
        return base

    def url(self, database: str) -> str:
        """Without the password, which ``environment`` carries as PGPASSWORD."""
        params = {k: v for k, v in self._params.items() if k != "password"}
        query = make_conninfo("", **{**params, "dbname": database})
        pairs = conninfo_to_dict(query)
        return "postgresql:///?" + _query(pairs)

    def facts(self) -> ServerFacts:
        with self.connect(self.maintenance) as connection, database_errors("server facts"):
            row = connection.execute(
                "SELECT current_setting('server_version'),"
                " current_setting('server_version_num')::int,"
                " (SELECT system_identifier::text FROM pg_control_system())"
            ).fetchone()
        assert row is not None  # noqa: S101  a SELECT without FROM has one row
        facts = ServerFacts(version=row[0], version_num=row[1], system_id=row[2])
        if not OLDEST <= facts.major <= NEWEST:
            raise Refused(
                f"PostgreSQL {facts.version} is not supported; versions {OLDEST} to {NEWEST} are"
            )
        return facts


def _query(pairs: dict[str, Any]) -> str:
    from urllib.parse import quote, urlencode  # noqa: PLC0415  only for the migrate command

    return urlencode({k: str(v) for k, v in pairs.items()}, quote_via=quote)
