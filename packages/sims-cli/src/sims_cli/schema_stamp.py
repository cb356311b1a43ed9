"""Whether the embedded database has all migrations, told without importing one.

A start that has nothing to migrate then need not load SQLAlchemy and Alembic: a second.
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources

import psycopg

from sims_cli.stack import secret_files
from sims_cli.stack.postgres import DATABASE, PostgresServer
from sims_cli.state import State


def write(state: State, revision: str | None) -> None:
    """Remembers that these migrations bring the schema to ``revision``."""
    secret_files.write(state.schema, json.dumps({"files": _files(), "revision": revision}))


def current(state: State, server: PostgresServer) -> str | None:
    """The revision, when the database is at the one that these migrations end with.

    None when it is not, or when that is not known without looking at the migrations.
    """
    try:
        known = json.loads(state.schema.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if known["files"] != _files():
        return None
    with server.connect(DATABASE) as connection:
        try:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        except psycopg.errors.UndefinedTable:
            return None
    return str(known["revision"]) if found == [(known["revision"],)] else None


def _files() -> str:
    """Names the set of migrations that this program brings."""
    folder = resources.files("sims_core") / "migrations" / "versions"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".py"))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
