"""The manifest of a set: docs/backup-format.md as types."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT_VERSION: Literal[1] = 1

Format = Literal["directory", "custom", "plain"]
Kind = Literal["manual", "scheduled", "safety"]


class Record(BaseModel):
    """Immutable; an unknown member is an error, so a newer format is never half understood."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredObject(Record):
    """One object as stored: ``key`` is relative to the set, ``size`` in bytes."""

    key: str
    size: int
    sha256: str


class Chunk(Record):
    """Page range of a large table; ``key`` names its entry in ``Manifest.objects``."""

    key: str
    table: str = Field(description="schema-qualified and quoted")
    columns: list[str]
    rows: int


class TableFacts(Record):
    schema_name: str
    name: str
    rows: int
    columns: dict[str, str] = Field(description="name to type, in order")

    @property
    def label(self) -> str:
        return f"{self.schema_name}.{self.name}"


class CatalogFacts(Record):
    """Counts of what surrounds the rows; a restored database must have the same."""

    constraints: int
    indexes: int
    sequences: int
    triggers: int
    functions: int
    views: int
    large_objects: int
    extensions: dict[str, str] = Field(description="name to version")


class DatabaseFacts(Record):
    """What ``CREATE DATABASE`` and database-level grants need."""

    name: str
    encoding: str
    locale_provider: str
    collate: str
    ctype: str
    locale: str | None
    icu_rules: str | None
    owner: str
    connection_limit: int
    comment: str | None
    settings: list[tuple[str, str]] = Field(description="role (empty: all) and name=value")
    grants: list[tuple[str, str, bool]] | None = Field(
        description="grantee (empty: PUBLIC), privilege, grant option; null: never changed"
    )


class ServerFacts(Record):
    version: str
    version_num: int
    system_id: str

    @property
    def major(self) -> int:
        return self.version_num // 10000


class InvariantValue(Record):
    name: str
    value: str | None


class MediaFacts(Record):
    namespace: str
    files: int
    size: int = Field(description="bytes of content, before encryption and deduplication")
    missing: list[str] = Field(description="referenced by the database, not on disk")
    changed: list[str] = Field(description="content differs from the reference, or kept changing")


class Encryption(Record):
    recipients: list[str] = Field(description="first 16 digits of the SHA-256 of each recipient")


class Tools(Record):
    engine: str
    pg_dump: str
    pg_dump_major: int
    compression: str


class Manifest(Record):
    format_version: Literal[1] = FORMAT_VERSION
    id: str
    sequence: int
    kind: Kind
    format: Format
    started_at: datetime
    snapshot_at: datetime
    finished_at: datetime
    verified_at: datetime | None
    locked_until: datetime | None = None
    installation_id: str
    parent: str = Field("", description="who asked: a custom resource, or empty")
    server: ServerFacts
    tools: Tools
    app_version: str
    schema_revision: str | None
    database: DatabaseFacts
    roles: list[str]
    tables: list[TableFacts]
    catalog: CatalogFacts
    invariants: list[InvariantValue]
    objects: list[StoredObject]
    chunks: list[Chunk]
    media: MediaFacts | None
    encryption: Encryption | None

    @property
    def size(self) -> int:
        """Bytes stored for this set alone, without shared media."""
        return sum(item.size for item in self.objects)

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    def object(self, key: str) -> StoredObject:
        """Raises ``KeyError`` for a key the set does not have."""
        for item in self.objects:
            if item.key == key:
                return item
        raise KeyError(key)
