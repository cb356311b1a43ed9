"""``restore``, ``undo``: guards, plan, swap, files of the runbook."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sims_backup.contract.exits import Exit
from sims_backup.testing.postgres import client_of


def test_swap_and_undo(cli: Any, school: Any) -> None:
    made = cli("backup", "--output", "json").json["id"]
    school.add_student("Later")
    photo = school.media / "photos" / "ü 1.jpg"
    before = photo.read_bytes()
    photo.write_bytes(b"later")
    (school.media / "photos" / "ü 2.jpg").unlink()
    ran = cli("restore", made, "--confirm", school.name, "--output", "json")
    assert ran.code == Exit.OK, ran.err
    result = ran.json
    assert school.students() == 300
    assert photo.read_bytes() == before
    assert (school.media / "photos" / "ü 2.jpg").stat().st_size == 2002
    safety = cli("show", result["safety_backup"], "--output", "json").json["manifest"]
    assert safety["kind"] == "safety"
    assert result["kept_database"] in school.extra_databases()
    assert cli("undo").code == Exit.REFUSED
    assert cli("undo", "--confirm", school.name).code == Exit.OK
    assert school.students() == 301
    assert photo.read_bytes() == b"later"
    ran = cli("undo", "--confirm", school.name)
    assert ran.code == Exit.REFUSED
    assert "undone already" in ran.err


def test_sessions_are_ended_and_may_come_back(cli: Any, school: Any) -> None:
    cli("backup")
    session = school.server.connect(school.name)
    session.execute("BEGIN")
    session.execute("INSERT INTO student (name) VALUES ('open transaction')")
    ran = cli("restore", "latest", "--confirm", school.name, "--no-safety-backup")
    assert ran.code == Exit.OK, ran.err
    with pytest.raises(psycopg.errors.AdminShutdown):
        session.execute("COMMIT")
    session.close()
    assert school.students() == 300


def test_a_prepared_transaction_is_named(cli: Any, pg: Any, school: Any) -> None:
    cli("backup")
    pg.run(
        school.name, "BEGIN; INSERT INTO student (name) VALUES ('p'); PREPARE TRANSACTION 'exam'"
    )
    try:
        ran = cli("restore", "latest", "--confirm", school.name, "--no-safety-backup")
    finally:
        pg.run(school.name, "ROLLBACK PREPARED 'exam'")
    assert ran.code == Exit.BUSY
    assert "prepared transaction (exam)" in ran.err
    assert school.students() == 300
    assert school.extra_databases() == [school.name]


def test_without_confirmation_nothing_happens(cli: Any, school: Any) -> None:
    cli("backup")
    for extra in ((), ("--confirm", "wrong")):
        ran = cli("restore", "latest", *extra)
        assert ran.code == Exit.REFUSED
        assert f"--confirm {school.name}" in ran.err
    assert school.extra_databases() == [school.name]


def test_plan_shows_what_would_be_lost(cli: Any, school: Any) -> None:
    cli("backup")
    for _ in range(3):
        school.add_student()
    school.server.run(
        school.name,
        "ALTER TABLE student ADD COLUMN email text",
        "CREATE TABLE fresh (x int)",
        "UPDATE alembic_version SET version_num = '0008'",
    )
    (school.media / "photos" / "ü 1.jpg").unlink()
    plan = cli("restore", "latest", "--plan", "--output", "json").json
    assert {"table": "public.student", "rows_now": 303, "rows_then": 300} in plan["tables"]
    assert plan["schema_changes"] == [
        "column public.student.email would vanish",
        "table public.fresh would vanish",
    ]
    assert (plan["revision_now"], plan["revision_then"]) == ("0008", "0007")
    assert plan["media_missing_here"] == 1
    assert "public.student" in cli("restore", "latest", "--plan").out
    assert school.students() == 303


def test_beside_leaves_the_live_one_alone(cli: Any, school: Any) -> None:
    cli("backup")
    school.add_student()
    name = f"{school.name} beside"
    assert cli("restore", "latest", "--into", name).code == Exit.OK
    assert school.students() == 301
    assert school.server.rows(name, "SELECT count(*) FROM student") == [(300,)]
    ran = cli("restore", "latest", "--into", name)
    assert ran.code == Exit.REFUSED
    assert "exists" in ran.err


def test_a_set_of_another_installation_needs_the_name(
    cli: Any, school: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMS_INSTALLATION_ID", "other")
    cli("backup")
    monkeypatch.setenv("SIMS_INSTALLATION_ID", "mine")
    ran = cli("restore", "latest", "--into", f"{school.name}_x")
    assert ran.code == Exit.REFUSED
    assert "belongs to installation other, this is mine" in ran.err


def test_broken_invariants_stop_before_the_swap(
    cli: Any, school: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("backup")
    checks = tmp_path / "checks.toml"
    checks.write_text(
        '[[invariant]]\nname = "there are no students"\nexpect = 0\n'
        'sql = "SELECT count(*) FROM student"\n'
    )
    monkeypatch.setenv("SIMS_BACKUP_CHECKS", str(checks))
    school.add_student()
    ran = cli("restore", "latest", "--confirm", school.name, "--no-safety-backup")
    assert ran.code == Exit.NOT_PROVEN
    assert "there are no students: expected 0, found 300" in ran.err
    assert school.students() == 301
    assert school.extra_databases() == [school.name]


def test_the_migrate_command_runs_on_the_new_database(
    cli: Any, school: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("backup")
    client = client_of(17)
    assert client is not None
    script = tmp_path / "migrate"
    script.write_text(
        "#!/bin/sh\nexec " + client.tool("psql") + ' -X -q "$SIMS_DATABASE_URL"'
        " -c \"UPDATE alembic_version SET version_num = '0009'\"\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("SIMS_RESTORE_MIGRATE_COMMAND", str(script))
    assert cli("restore", "latest", "--confirm", school.name, "--no-safety-backup").code == 0
    rows = school.server.rows(school.name, "SELECT version_num FROM alembic_version")
    assert rows == [("0009",)]
    script.write_text("#!/bin/sh\nexit 7\n")
    school.add_student()
    ran = cli("restore", "latest", "--confirm", school.name, "--no-safety-backup")
    assert ran.code == Exit.FAILED
    assert "exit code 7" in ran.err
    assert school.students() == 301


def dump(school: Any, format_: str, *extra: str) -> bytes:
    """As the runbook does: pg_dump piped into gzip."""
    client = client_of(17)
    assert client is not None
    made = subprocess.run(
        [client.tool("pg_dump"), f"-F{format_}", *extra, school.url],
        capture_output=True,
        check=True,
    )
    return gzip.compress(made.stdout)


@pytest.mark.parametrize("format_", ["c", "p"])
def test_files_of_the_runbook(cli: Any, school: Any, values: Any, format_: str) -> None:
    store = Path(values["backup_targets"])
    store.mkdir()
    name = "fmu_platform_20251218_020000.sql.gz"
    (store / name).write_bytes(dump(school, format_))
    school.add_student()
    ran = cli("restore", name, "--confirm", school.name, "--output", "json")
    assert ran.code == Exit.OK, ran.err
    assert school.students() == 300
    query = 'SELECT sum(mark), count(*) FROM "Exam Cell"."Results ""2026"" ü"'
    kept = ran.json["kept_database"]
    assert school.server.rows(school.name, query)[0][1] == 300
    owners = school.server.rows(
        school.name,
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace",
    )
    assert owners == [("postgres",)]
    roles = school.server.rows(
        "postgres", "SELECT rolname FROM pg_roles WHERE rolname LIKE 'sims_restore_%'"
    )
    assert roles == []
    assert kept
    assert cli("undo", "--confirm", school.name).code == Exit.OK
    assert school.students() == 301


@pytest.mark.parametrize(
    ("content", "expected", "code"),
    [
        (b"\\! touch /tmp/owned\n", "no PostgreSQL dump", Exit.REFUSED),
        (b"SET a.b = 1;\n\\! touch /tmp/owned\n", "psql command", Exit.REFUSED),
        (b"ALTER SYSTEM SET shared_buffers = '1GB';\n", "permission denied", Exit.REFUSED),
        (b"CREATE TABLE t (x text);\nCOPY t FROM PROGRAM 'id';\n", "denied", Exit.REFUSED),
        (b"CREATE TABLE t (x text);\nCOPY t FROM '/etc/passwd';\n", "denied", Exit.REFUSED),
        (b"CREATE ROLE evil SUPERUSER;\n", "permission denied", Exit.REFUSED),
        (b"SET SESSION AUTHORIZATION postgres;\n", "not allowed", Exit.REFUSED),
        (b"CREATE TABLE t (x int);\nINSERT INTO t VALUES ('x');\n", "invalid input", Exit.FAILED),
        (b"CREATE TABLE t (x int);\nCOPY t FROM stdin;\n1\n", "cut", Exit.FAILED),
        (b"", "no PostgreSQL dump", Exit.REFUSED),
        (b"PK\x03\x04 a zip", "no PostgreSQL dump", Exit.REFUSED),
    ],
)
def test_hostile_and_broken_files(
    cli: Any, school: Any, tmp_path: Path, content: bytes, expected: str, code: Exit
) -> None:
    path = tmp_path / "dump.sql.gz"
    path.write_bytes(gzip.compress(content))
    ran = cli("restore", str(path), "--confirm", school.name, "--no-safety-backup")
    assert ran.code == code, ran.err
    assert expected in ran.err
    assert not Path("/tmp/owned").exists()
    assert school.students() == 300
    assert school.extra_databases() == [school.name]


def test_a_cut_file_is_told(cli: Any, school: Any, tmp_path: Path) -> None:
    path = tmp_path / "dump.sql.gz"
    data = dump(school, "p")
    path.write_bytes(data[: len(data) * 2 // 3])
    ran = cli("restore", str(path), "--into", f"{school.name}_x")
    assert ran.code == Exit.NOT_PROVEN
    assert "ends within compressed data" in ran.err
    assert school.extra_databases() == [school.name]


def test_nothing_of_a_file_runs_with_the_rights_of_the_operator(
    cli: Any, pg: Any, school: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invariant may read a view of the file's own making, with a function in it."""
    checks = tmp_path / "checks.toml"
    checks.write_text(
        '[[invariant]]\nname = "students"\nsql = "SELECT count(*) FROM student WHERE id > 0"\n'
        "expect = 0\n"
    )
    monkeypatch.setenv("SIMS_BACKUP_CHECKS", str(checks))
    path = tmp_path / "dump.sql"
    path.write_text(
        "CREATE FUNCTION public.evil(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN\n"
        " BEGIN CREATE ROLE evil SUPERUSER; EXCEPTION WHEN insufficient_privilege THEN NULL; END;\n"
        " RETURN n; END $$;\n"
        "CREATE TABLE public.t AS SELECT 1 AS x;\n"
        "CREATE VIEW public.student AS SELECT public.evil(x) AS id FROM public.t;\n"
    )
    ran = cli("restore", str(path), "--confirm", school.name, "--no-safety-backup")
    assert ran.code == Exit.NOT_PROVEN, ran.err
    assert "students: expected 0, found 1" in ran.err
    assert pg.rows("postgres", "SELECT FROM pg_roles WHERE rolname = 'evil'") == []


def test_a_restored_file_has_statistics(cli: Any, school: Any, tmp_path: Path) -> None:
    for format_ in ("c", "p"):
        path = tmp_path / f"{format_}.gz"
        path.write_bytes(dump(school, format_))
        into = f"{school.name}_{format_}"
        assert cli("restore", str(path), "--into", into).code == Exit.OK
        query = "SELECT reltuples FROM pg_class WHERE relname = 'student'"
        assert school.server.rows(into, query) == [(300.0,)]


def test_the_time_for_undo_counts_from_the_swap(
    cli: Any, school: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("backup")
    monkeypatch.setenv("SIMS_RESTORE_MIGRATE_COMMAND", "sleep 1.5")
    asked = ("--confirm", school.name, "--no-safety-backup", "--keep-old", "1")
    assert cli("restore", "latest", *asked).code == Exit.OK
    late = school.server.rows(
        "postgres",
        "SELECT kept_until - created_at > interval '1 hour 1 second' FROM"
        f" sims_admin.restore_journal WHERE guard = '{school.name}'",
    )
    assert late == [(True,)]
