"""Runs a plain SQL dump without psql, so that no psql command in it can do anything.

The script is split as psql splits it (quotes, dollar quotes, comments, SQL function
bodies) and each statement goes to the server; data after COPY … FROM stdin is streamed.
A backslash outside of quotes and data is a psql command and refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg

from sims_backup.errors import BackupError, Refused
from sims_backup.postgres.server import Connection, database_errors
from sims_backup.steps import effect
from sims_backup.streams import BLOCK, Source

_TOKEN = re.compile(
    rb"(?P<quote>')|(?P<name>\")|(?P<line>--)|(?P<block>/\*)"
    rb"|(?P<dollar>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)"
    rb"|(?P<open>\()|(?P<close>\))|(?P<end>;)|(?P<back>\\)"
    rb"|(?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)"
)
_BLOCK_EDGE = re.compile(rb"/\*|\*/")
_COPY = re.compile(rb"\s*COPY\s.*\sFROM\s+stdin\b[^;]*;\Z", re.IGNORECASE | re.DOTALL)
_GUARD = re.compile(rb"\\(?:un)?restrict[ \t]+[A-Za-z0-9]+[ \t]*\r?\n")
_COMMENTS = re.compile(rb"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_LONGEST = 1 << 30

_OWNERSHIP = re.compile(
    rb"(?:ALTER\s.*\sOWNER\s+TO\s|GRANT\s|REVOKE\s|ALTER\s+DEFAULT\s+PRIVILEGES\s"
    rb"|COMMENT\s+ON\s+EXTENSION\s|SECURITY\s+LABEL\s)",
    re.IGNORECASE | re.DOTALL,
)
_SESSION = re.compile(
    rb"(?:SET\s+(?:SESSION\s+AUTHORIZATION|ROLE)\b|RESET\s+(?:SESSION|ROLE)\b"
    rb"|SET\s+standard_conforming_strings\s*=\s*off)",
    re.IGNORECASE,
)
_SET = re.compile(rb"SET\s", re.IGNORECASE)


@dataclass
class _Lexer:
    """Where the statement that starts at 0 of ``data`` ends; state of psql's scanner."""

    data: bytes
    at: int = 0
    parens: int = 0
    begins: int = 0
    words: list[bytes] = field(default_factory=list)

    def end(self) -> int | None:
        """Index after the closing semicolon; None when the data ends before it."""
        while (token := _TOKEN.search(self.data, self.at)) is not None:
            self.at = token.end()
            kind = token.lastgroup
            if kind == "back":
                raise _Backslash(token.start())
            if kind == "end" and not self.parens and not self.begins:
                return self.at
            if kind in {"quote", "name", "line", "block", "dollar"}:
                if not self._skip(kind, token):
                    return None
            else:
                self._count(kind, token.group())
        return None

    def _count(self, kind: str | None, text: bytes) -> None:
        if kind == "open":
            self.parens += 1
        elif kind == "close":
            self.parens = max(0, self.parens - 1)
        elif kind == "word":
            self._word(text.lower())

    def _word(self, word: bytes) -> None:
        """BEGIN ATOMIC … END of SQL functions holds semicolons; psql counts it like this."""
        if len(self.words) < 4:  # noqa: PLR2004  CREATE OR REPLACE FUNCTION
            self.words.append(word)
        if self.parens or not self._in_function():
            return
        if word == b"begin" or (word == b"case" and self.begins):
            self.begins += 1
        elif word == b"end":
            self.begins = max(0, self.begins - 1)

    def _in_function(self) -> bool:
        head = [word for word in self.words if word not in {b"or", b"replace"}]
        return head[:1] == [b"create"] and head[1:2] in ([b"function"], [b"procedure"])

    def _skip(self, kind: str, token: re.Match[bytes]) -> bool:
        if kind == "quote":
            return self._string(token.start())
        if kind == "block":
            return self._comment()
        close = {"name": b'"', "line": b"\n", "dollar": token.group()}[kind]
        found = self.data.find(close, self.at)
        self.at = found + len(close)
        return found >= 0

    def _string(self, start: int) -> bool:
        before = self.data[max(0, start - 2) : start]
        escaped = re.search(rb"(?:\A|[^A-Za-z0-9_$\x80-\xff])[eE]\Z", before) is not None
        pattern = rb"(?:\\.|[^'\\])*'" if escaped else rb"[^']*'"
        found = re.compile(pattern, re.DOTALL).match(self.data, self.at)
        self.at = found.end() if found else self.at
        return found is not None

    def _comment(self) -> bool:
        depth = 1
        while depth:
            edge = _BLOCK_EDGE.search(self.data, self.at)
            if edge is None:
                return False
            depth += 1 if edge.group() == b"/*" else -1
            self.at = edge.end()
        return True


class _Backslash(Exception):
    def __init__(self, at: int) -> None:
        self.at = at


class Script:
    """Statements and COPY data of a plain dump, read once."""

    def __init__(self, source: Source, name: str) -> None:
        self._source, self._name = source, name
        self._data = b""
        self._ended = False
        self._lines = 1

    def _more(self) -> bool:
        """Reads on, twice as much as there is, so that long statements stay linear."""
        if self._ended or len(self._data) > _LONGEST:
            return False
        want = max(BLOCK // 4, len(self._data))
        block = self._source.read(want)
        self._ended = not block
        self._data += block
        return bool(block)

    def _take(self, size: int) -> bytes:
        taken, self._data = self._data[:size], self._data[size:]
        self._lines += taken.count(b"\n")
        return taken

    def statements(self) -> Iterator[bytes]:
        """Each statement with its semicolon, without leading comments.

        After a COPY statement the caller reads ``copy_data`` before going on.
        """
        while self._skip_blank():
            if guard := _GUARD.match(self._data):
                self._take(guard.end())
                continue
            yield self._take(self._end())

    def _skip_blank(self) -> bool:
        while True:
            blank = _COMMENTS.match(self._data)
            if blank is not None and blank.end() < len(self._data):
                self._take(blank.end())
                if len(self._data) > 200 or not self._more():  # noqa: PLR2004  a guard line fits
                    return True
            elif not self._more():
                return False

    def _end(self) -> int:
        while True:
            try:
                end = _Lexer(self._data).end()
            except _Backslash as found:
                self._refuse(found.at)
            else:
                if end is not None:
                    return end
            if not self._more():
                raise BackupError(
                    f"{self._name}: ends within a statement that begins at line {self._lines}; "
                    "the file is cut"
                )

    def _refuse(self, at: int) -> None:
        line = self._lines + self._data.count(b"\n", 0, at)
        word = self._data[at : at + 20].split(maxsplit=1)[0].decode(errors="replace")
        raise Refused(
            f"{self._name}, line {line}: psql command {word}. pg_dump writes none into a dump of "
            "one database; was it made with --create or by pg_dumpall, or changed by hand? "
            "Nothing was changed"
        )

    def copy_data(self) -> Iterator[bytes]:
        """Blocks of the data that follows a COPY statement, up to its end mark."""
        while b"\n" not in self._data and self._more():
            pass
        self._take(self._data.find(b"\n") + 1)
        if self._at_mark():
            return
        while (mark := self._data.find(b"\n\\.\n")) < 0:
            if len(self._data) > BLOCK:
                yield self._take(len(self._data) - 3)
            if not self._more():
                raise BackupError(
                    f"{self._name}: ends within the data of a table, line {self._lines}; "
                    "the file is cut"
                )
        yield self._take(mark + 1)
        self._take(3)

    def _at_mark(self) -> bool:
        while len(self._data) < 3 and self._more():  # noqa: PLR2004  the mark and a newline
            pass
        if self._data.startswith(b"\\.\n"):
            self._take(3)
            return True
        return False


def run_script(
    connection: Connection, source: Source, name: str, *, restricted: bool
) -> dict[str, int]:
    """Runs all statements; the first error stops. Returns what was left out, by kind.

    ``restricted`` leaves owners and privileges out, as the role may not set them, and refuses
    a change of role.
    """
    skipped: dict[str, int] = {}
    script = Script(source, name)
    with effect("pg.script", name):
        for statement in script.statements():
            if restricted and _SESSION.match(statement):
                raise Refused(f"{name}: {statement[:60].decode(errors='replace')} is not allowed")
            if restricted and _OWNERSHIP.match(statement):
                skipped["owners and privileges"] = skipped.get("owners and privileges", 0) + 1
            elif _COPY.match(statement):
                _copy(connection, statement, script)
            else:
                _execute(connection, statement, skipped)
    return skipped


def _execute(connection: Connection, statement: bytes, skipped: dict[str, int]) -> None:
    with database_errors(statement[:60].decode(errors="replace")):
        try:
            connection.execute(statement)
        except psycopg.errors.UndefinedObject:
            if not _SET.match(statement):
                raise
            kind = "settings of another version"
            skipped[kind] = skipped.get(kind, 0) + 1


def _copy(connection: Connection, statement: bytes, script: Script) -> None:
    with (
        database_errors(statement[:60].decode(errors="replace")),
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        for block in script.copy_data():
            copy.write(block)
