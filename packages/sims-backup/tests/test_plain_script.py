"""Plain dumps: split as psql splits them, and nothing but SQL is ever done."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from sims_backup.engine.plain_script import Script
from sims_backup.errors import BackupError, Refused


def split(text: str | bytes, block: int = 7) -> list[bytes]:
    """Statements; data of COPY is joined and shown as one item."""
    data = text.encode() if isinstance(text, str) else text

    class Slow(io.BytesIO):
        @override
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(block, size or block))

    script = Script(Slow(data), "dump.sql")
    found = []
    for statement in script.statements():
        found.append(statement)
        if statement.startswith(b"COPY"):
            found.append(b"".join(script.copy_data()))
    return found


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'a;b';",
        "SELECT 'it''s; fine';",
        r"SELECT E'\'; still';",
        'CREATE TABLE "a;\\b" (x int);',
        "SELECT $$;\\!$$;",
        "SELECT $tag$ $$ ; \\! $tag$;",
        "SELECT 1 -- ; \\! not here\n + 1;",
        "SELECT 1 /* ; \\! /* nested ; */ ; */ + 1;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;",
        "CREATE OR REPLACE PROCEDURE p() LANGUAGE SQL BEGIN ATOMIC SELECT 1; END;",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);",
        "SELECT price$1, 'x;y' FROM t;",
        "SELECT U&'\\0441;';",
    ],
)
@pytest.mark.parametrize("block", [1, 3, 4096])
def test_semicolons_inside_do_not_end(statement: str, block: int) -> None:
    assert split(f"-- head\n{statement}\nSELECT 2;\n", block) == [
        statement.encode(),
        b"SELECT 2;",
    ]


@pytest.mark.parametrize("data", ["", "1\ta\n", "1\t\\\\.\n2\t\\N\n", "\\\\.x\n" * 50, ".\n"])
@pytest.mark.parametrize("block", [1, 5, 4096])
def test_data_of_copy(data: str, block: int) -> None:
    text = f"COPY public.t (a, b) FROM stdin;\n{data}\\.\n\n\nSELECT 1;\n"
    assert split(text, block) == [
        b"COPY public.t (a, b) FROM stdin;",
        data.encode(),
        b"SELECT 1;",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "\\! touch /tmp/owned\n",
        "SELECT 1;\n\\! id\n",
        "SELECT 1 \\! id\n;",
        "SELECT 1 \\g |id\n",
        "\\copy t from program 'id'\n",
        "\\connect other\n",
        "\\i /etc/passwd\n",
        "\\restrict abc\n\\o |id\nSELECT 1;",
        "\\restrict a;b\nSELECT 1;\n",
        "SELECT 1\\;SELECT 2;",
        "COPY t FROM stdin;\n1\n\\.\n\\! id\n",
        "SELECT 'x' \\gexec\n",
        "SELECT '\\'; \\! id\n';",
    ],
)
@pytest.mark.parametrize("block", [1, 4096])
def test_psql_commands_are_refused(text: str, block: int) -> None:
    with pytest.raises(Refused, match="psql command"):
        split(text, block)


def test_the_line_is_named() -> None:
    with pytest.raises(Refused, match=r"dump\.sql, line 4: psql command \\!"):
        split("-- one\nSELECT 1;\n\n  \\! id\n")


def test_guards_of_pg_dump_are_accepted() -> None:
    text = "--\n-- dump\n--\n\n\\restrict bV3x\n\nSELECT 1;\n\n\\unrestrict bV3x\n\n"
    assert split(text) == [b"SELECT 1;"]


@pytest.mark.parametrize(
    "text", ["SELECT 1", "SELECT 'x;", "COPY t FROM stdin;\n1\n", "CREATE TABLE t ("]
)
def test_a_cut_file_is_an_error(text: str) -> None:
    with pytest.raises(BackupError):
        split(text)


literals = st.one_of(
    st.text(alphabet="a;'\\\n$-", max_size=6).map(lambda t: "'" + t.replace("'", "''") + "'"),
    st.text(alphabet='a;"\\\n', max_size=6).map(lambda t: '"' + t.replace('"', '""') + '"'),
    st.text(alphabet="a;'\\\n", max_size=6).map(lambda t: f"$q${t}$q$"),
    st.sampled_from(["a", "1", "(2)", "+", "/* ; ' */", "-- ; '\n"]),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(literals, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=5),
    st.integers(1, 9),
)
def test_what_was_joined_is_split_again(parts: list[str], block: int) -> None:
    statements = [f"SELECT {part} x;" for part in parts]
    assert split("\n".join(statements), block) == [s.encode() for s in statements]
