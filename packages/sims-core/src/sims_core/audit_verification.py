"""Whether the audit trail is as it was written (ADR 0011).

The canonical form comes from the server's own functions, not from ours in the database,
which whoever changes rows could change too; the hashes are computed here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, text

from sims_common.clock import now
from sims_core import audit_tables

CHAINS = 16
_FIELDS = (
    "actor_id", "actor", "action", "entity", "entity_id", "method", "route", "request_id", "ip",
    "user_agent", "source", "changes", "chain", "position",
)  # fmt: skip
_CANONICAL = (
    "pg_catalog.jsonb_build_object('id', e.id, 'at',"
    " (extract(epoch FROM e.at) * 1000000)::pg_catalog.int8, "
    + ", ".join(f"'{name}', e.{name}" for name in _FIELDS)
    + ")::pg_catalog.text"
)
_EVENTS = text(
    f"SELECT e.id, e.chain, e.position, e.previous, e.hash, {_CANONICAL} AS canonical"  # noqa: S608
    " FROM audit_event e ORDER BY e.chain, e.position"
)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was written."""

    chain: int
    position: int
    problem: str


@dataclass
class Report:
    events: int = 0
    seals: int = 0
    protected: bool = False
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Seal:
    """The heads at one time, as signed; ``heads`` is the text under the signature."""

    heads: str
    signature: bytes

    @classmethod
    def sign(cls, heads: str, key: bytes) -> Seal:
        return cls(heads, _signature(heads, key))

    def genuine(self, keys: Sequence[bytes]) -> bool:
        return any(hmac.compare_digest(self.signature, _signature(self.heads, k)) for k in keys)

    def positions(self) -> dict[int, tuple[int, bytes]]:
        found = json.loads(self.heads)["heads"]
        return {chain: (position, bytes.fromhex(digest)) for chain, position, digest in found}


def key_of(secret: str) -> bytes:
    """The key that signs seals, derived from ``SIMS_SECRET_KEY``."""
    return hmac.digest(secret.encode(), b"sims audit seal v1", "sha256")


def _signature(heads: str, key: bytes) -> bytes:
    return hmac.digest(key, heads.encode(), "sha256")


def start_of(chain: int) -> bytes:
    """What the first event of a chain follows."""
    return hashlib.sha256(f"sims audit chain {chain}".encode()).digest()


def seal(connection: Connection, key: bytes) -> Seal:
    """Signs the heads of all chains as they are now and keeps the seal.

    A copy elsewhere shows even that all of the newest events and seals are gone.
    """
    connection.execute(text("LOCK TABLE audit_chain IN SHARE MODE"))
    at = now()
    heads = [
        [row.chain, row.position, row.hash.hex()]
        for row in connection.execute(text("SELECT * FROM audit_chain ORDER BY chain"))
    ]
    made = Seal.sign(json.dumps({"at": at.isoformat(), "heads": heads}), key)
    connection.execute(
        text("INSERT INTO audit_seal (at, heads, signature) VALUES (:at, :heads, :signature)"),
        {"at": at, "heads": made.heads, "signature": made.signature},
    )
    return made


def verify(connection: Connection, keys: Sequence[bytes], elsewhere: Sequence[Seal] = ()) -> Report:
    """Compares every event, the heads and all seals, those kept ``elsewhere`` too.

    Run it in one snapshot (REPEATABLE READ), else a writer in between looks like a finding.
    """
    report = Report(protected=_is_protected(connection))
    stored = [
        Seal(row.heads, bytes(row.signature))
        for row in connection.execute(text("SELECT heads, signature FROM audit_seal ORDER BY id"))
    ]
    report.seals = len(stored)
    sealed: dict[tuple[int, int], bytes] = {}
    for one in (*stored, *elsewhere):
        if not one.genuine(keys):
            report.findings.append(Finding(-1, 0, "a seal has a wrong signature"))
            continue
        for chain, (position, digest) in one.positions().items():
            sealed[chain, position] = digest
    heads = {
        row.chain: (row.position, bytes(row.hash))
        for row in connection.execute(text("SELECT * FROM audit_chain"))
    }
    report.findings += _walk(connection, report, sealed, heads)
    report.findings += [
        Finding(-1, 0, f"changes of {table.name} are not recorded")
        for table in audit_tables.lacking(connection)
    ]
    return report


@dataclass
class _Place:
    """Where the walk through one chain is."""

    position: int
    hash: bytes


def _walk(
    connection: Connection,
    report: Report,
    sealed: dict[tuple[int, int], bytes],
    heads: dict[int, tuple[int, bytes]],
) -> Iterator[Finding]:
    places = {chain: _Place(0, start_of(chain)) for chain in range(CHAINS)}
    rows = connection.execution_options(yield_per=5000).execute(_EVENTS)
    for row in rows:
        report.events += 1
        place = places.get(row.chain)
        if place is None:
            yield Finding(row.chain, row.position, f"event {row.id} is of no chain")
            continue
        yield from _follows(row, place)
        place.position, place.hash = row.position, bytes(row.hash)
        wanted = sealed.pop((row.chain, row.position), place.hash)
        if wanted != place.hash:
            yield Finding(row.chain, row.position, f"event {row.id} is not the one that was sealed")
    yield from _ends(places, sealed, heads)


def _ends(
    places: dict[int, _Place],
    sealed: dict[tuple[int, int], bytes],
    heads: dict[int, tuple[int, bytes]],
) -> Iterator[Finding]:
    """``sealed`` holds the seals whose events were not met."""
    for chain, place in places.items():
        position, digest = heads.get(chain, (-1, b""))
        if (position, digest) != (place.position, place.hash):
            yield Finding(
                chain, place.position, f"ends at {place.position}, its head says {position}"
            )
    for (chain, position), digest in sorted(sealed.items()):
        if position and places[chain].position < position:
            yield Finding(chain, position, "was sealed and is gone")
        elif position == 0 and digest != start_of(chain):
            yield Finding(chain, position, "a seal starts elsewhere")


def _follows(row: Row[Any], place: _Place) -> Iterator[Finding]:
    if row.position != place.position + 1:
        yield Finding(
            row.chain,
            place.position + 1,
            f"events {place.position + 1} to {row.position - 1} are missing",
        )
    elif bytes(row.previous) != place.hash:
        yield Finding(row.chain, row.position, f"event {row.id} does not follow the one before")
    computed = hashlib.sha256(bytes(row.previous) + row.canonical.encode()).digest()
    if computed != bytes(row.hash):
        yield Finding(row.chain, row.position, f"event {row.id} was changed")


def _is_protected(connection: Connection) -> bool:
    """Whether the role of this connection could take the trail's triggers away."""
    owner = connection.execute(
        text(
            "SELECT pg_catalog.pg_has_role(current_user, relowner, 'MEMBER')"
            " FROM pg_catalog.pg_class WHERE oid = 'audit_event'::pg_catalog.regclass"
        )
    ).scalar_one()
    return not owner
