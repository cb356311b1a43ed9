"""What the catalog says about a database, read inside the snapshot that is dumped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from sims_backup.contract.manifest import CatalogFacts, DatabaseFacts, TableFacts
from sims_backup.postgres.server import Connection, database_errors

_USER_SCHEMA = "left(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema'"
_NOT_EXTENSION = (
    "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass"
    " AND d.objid = {oid} AND d.deptype = 'e')"
)
_OWN_CLASS = _NOT_EXTENSION.format(catalog="pg_class", oid="c.oid")
_OWN_PROC = _NOT_EXTENSION.format(catalog="pg_proc", oid="p.oid")

_FROM_TABLES = f"""
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {_USER_SCHEMA} AND {_OWN_CLASS}
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""
# The size functions wait for the table's lock, so only locked tables are measured.
_NAMES = f"SELECT n.nspname, c.relname {_FROM_TABLES}"
_TABLES = f"""
SELECT c.oid, n.nspname, c.relname, pg_table_size(c.oid),
       pg_relation_size(c.oid) / current_setting('block_size')::int {_FROM_TABLES}
"""

_COLUMNS = """
SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated = ''
FROM pg_attribute a WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

_CATALOG = f"""
SELECT
 (SELECT count(*) FROM pg_constraint x JOIN pg_namespace n ON n.oid = x.connamespace
   WHERE {_USER_SCHEMA} AND x.contype <> 'n'),
 (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('i', 'I') AND {_USER_SCHEMA}),
 (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'S' AND {_USER_SCHEMA}),
 (SELECT count(*) FROM pg_trigger t WHERE NOT t.tgisinternal),
 (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE {_USER_SCHEMA} AND {_OWN_PROC}),
 (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('v', 'm') AND {_USER_SCHEMA} AND {_OWN_CLASS}),
 (SELECT count(*) FROM pg_largeobject_metadata),
 (SELECT coalesce(jsonb_object_agg(extname, extversion), '{{}}') FROM pg_extension)
"""  # noqa: S608  constants above

_ROLES = """
SELECT rolname FROM pg_roles WHERE oid IN (
  SELECT refobjid FROM pg_shdepend s JOIN pg_database b ON b.oid = s.dbid
   WHERE b.datname = current_database() AND s.refclassid = 'pg_authid'::regclass
  UNION SELECT relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE left(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema')
AND left(rolname, 3) <> 'pg_' ORDER BY rolname COLLATE "C"
"""

_GRANTS = """
SELECT coalesce(r.rolname, ''), a.privilege_type, a.is_grantable
FROM pg_database b, aclexplode(b.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE b.datname = %s ORDER BY 1, 2
"""

_DATABASE = """
SELECT to_jsonb(b) || jsonb_build_object(
  'encoding', pg_encoding_to_char(b.encoding), 'owner', pg_get_userbyid(b.datdba),
  'comment', shobj_description(b.oid, 'pg_database'), 'changed', b.datacl IS NOT NULL)
FROM pg_database b WHERE b.datname = %s
"""

_SETTINGS = """
SELECT coalesce(r.rolname, ''), item FROM pg_db_role_setting s
JOIN pg_database b ON b.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole,
unnest(s.setconfig) item WHERE b.datname = %s ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Table:
    """A table with data of its own: ``size`` in bytes with TOAST, ``pages`` of its heap."""

    oid: int
    schema: str
    name: str
    size: int
    pages: int
    columns: dict[str, str]
    copied: tuple[str, ...]

    @property
    def quoted(self) -> str:
        return sql.Identifier(self.schema, self.name).as_string(None)

    def facts(self, rows: int) -> TableFacts:
        return TableFacts(schema_name=self.schema, name=self.name, rows=rows, columns=self.columns)


def table_names(connection: Connection) -> list[tuple[str, str]]:
    """Schema and name of every table with data of its own; waits for no lock."""
    with database_errors("reading the catalog"):
        return [(row[0], row[1]) for row in connection.execute(_NAMES.encode())]


def tables(connection: Connection) -> list[Table]:
    with database_errors("reading the catalog"):
        found = connection.execute(_TABLES.encode()).fetchall()
        oids = [row[0] for row in found]
        columns: dict[int, dict[str, str]] = {oid: {} for oid in oids}
        copied: dict[int, list[str]] = {oid: [] for oid in oids}
        for oid, name, kind, plain in connection.execute(_COLUMNS, (oids,)):
            columns[oid][name] = kind
            if plain:
                copied[oid].append(name)
    return [
        Table(oid, schema, name, size, pages, columns[oid], tuple(copied[oid]))
        for oid, schema, name, size, pages in found
    ]


def count_rows(connection: Connection, table: Table) -> int:
    query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(table.schema, table.name))
    with database_errors(f"counting {table.schema}.{table.name}"):
        return int(_one(connection, query)[0])


def catalog(connection: Connection) -> CatalogFacts:
    with database_errors("reading the catalog"):
        row = _one(connection, sql.SQL(_CATALOG))
    names = list(CatalogFacts.model_fields)
    return CatalogFacts.model_validate(dict(zip(names, row, strict=True)))


def roles(connection: Connection) -> list[str]:
    with database_errors("reading the catalog"):
        return [row[0] for row in connection.execute(_ROLES)]


def existing_roles(connection: Connection) -> set[str]:
    with database_errors("reading roles"):
        return {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}


def database_facts(connection: Connection, name: str) -> DatabaseFacts:
    """Readable from any database of the server."""
    with database_errors("reading the catalog"):
        found = connection.execute(_DATABASE, (name,)).fetchone()
        if found is None:
            raise psycopg.OperationalError(f'database "{name}" does not exist')
        data = found[0]
        settings = [(row[0], row[1]) for row in connection.execute(_SETTINGS, (name,))]
        grants = [(r[0], r[1], r[2]) for r in connection.execute(_GRANTS, (name,))]
    return DatabaseFacts(
        name=name,
        encoding=data["encoding"],
        locale_provider=data["datlocprovider"],
        collate=data["datcollate"],
        ctype=data["datctype"],
        locale=data.get("datlocale") or data.get("daticulocale"),
        icu_rules=data.get("daticurules"),
        owner=data["owner"],
        connection_limit=data["datconnlimit"],
        comment=data["comment"],
        settings=settings,
        grants=grants if data["changed"] else None,
    )


def _one(connection: Connection, query: Any) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise psycopg.DataError("the catalog answered with no row")
    return row
