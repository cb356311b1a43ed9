"""From the models to CustomResourceDefinitions: structural schemas, columns, names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sims_backup_operator.crds.backup import BackupSpec, BackupStatus
from sims_backup_operator.crds.common import GROUP, VERSION
from sims_backup_operator.crds.restore import RestoreSpec, RestoreStatus
from sims_backup_operator.crds.schedule import ScheduleSpec, ScheduleStatus
from sims_backup_operator.crds.storage import StorageSpec, StorageStatus

Schema = dict[str, Any]
_KEPT = {
    "type",
    "format",
    "description",
    "default",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "maxItems",
    "minItems",
    "required",
    "x-kubernetes-validations",
}


@dataclass(frozen=True)
class Column:
    name: str
    path: str
    kind: str = "string"
    wide: bool = False
    description: str = ""

    def as_dict(self) -> Schema:
        found: Schema = {"name": self.name, "type": self.kind, "jsonPath": self.path}
        if self.description:
            found["description"] = self.description
        if self.wide:
            found["priority"] = 1
        return found


@dataclass(frozen=True)
class Definition:
    kind: str
    plural: str
    short: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        return f"{self.plural}.{GROUP}"


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_PHASE = Column("Phase", ".status.phase")
_MESSAGE = Column("Message", ".status.message", wide=True)

DEFINITIONS = (
    Definition(
        "Backup",
        "backups",
        "sbk",
        "One consistent set of database and media: taken by this object, or found in a storage.",
        BackupSpec,
        BackupStatus,
        (
            _PHASE,
            Column("Progress", ".status.progress", wide=True),
            Column("Size", ".status.size"),
            Column("Verified", ".status.verifiedAt", "date", description="time since it was read"),
            Column("Recovery", ".status.recoveryTime", description="measured by its last drill"),
            Column("Storage", ".spec.storageRef.name"),
            Column("Set", ".status.setId", wide=True),
            Column("Kept", ".status.retention", wide=True),
            _MESSAGE,
            _AGE,
        ),
    ),
    Definition(
        "BackupSchedule",
        "backupschedules",
        "ssch",
        "Takes backups by the clock, applies retention, copies sets and drills them.",
        ScheduleSpec,
        ScheduleStatus,
        (
            Column("Schedule", ".spec.schedule"),
            Column("Zone", ".spec.timeZone"),
            _PHASE,
            Column("Last", ".status.lastScheduleTime", "date"),
            Column("Success", ".status.lastSuccessTime", "date"),
            Column("Recovery", ".status.drill.recoveryTime"),
            Column("Next", ".status.nextScheduleTime", wide=True),
            _MESSAGE,
            _AGE,
        ),
    ),
    Definition(
        "Restore",
        "restores",
        "srs",
        "Brings a set back: as a plan, as a drill beside, or by swap with the live database.",
        RestoreSpec,
        RestoreStatus,
        (
            Column("Mode", ".spec.mode"),
            _PHASE,
            Column("Set", ".status.setId"),
            Column("Recovery", ".status.recoveryTime"),
            Column("Undo", ".status.undo.phase"),
            Column("Progress", ".status.progress", wide=True),
            _MESSAGE,
            _AGE,
        ),
    ),
    Definition(
        "BackupStorage",
        "backupstorages",
        "sst",
        "A place for sets, probed on a timer; the sets found in it appear as Backups.",
        StorageSpec,
        StorageStatus,
        (
            _PHASE,
            Column("Sets", ".status.sets", "integer"),
            Column("Newest", ".status.newestSetAt", "date"),
            Column("Probed", ".status.lastProbeTime", "date"),
            _MESSAGE,
            _AGE,
        ),
    ),
)


def schema_of(model: type[BaseModel]) -> Schema:
    """An OpenAPI v3 schema without references, as the API server wants it."""
    found = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(found, found.get("$defs", {}))


def _structural(node: Schema, definitions: Schema) -> Schema:
    node = _resolved(node, definitions)
    out: Schema = {key: node[key] for key in sorted(_KEPT & node.keys())}
    if isinstance(out.get("default"), (dict, list)) or out.get("default", "") is None:
        del out["default"]  # objects get their members' defaults, absent stays absent
    if out.get("default") == "":
        del out["default"]  # the same as absent, and `has()` tells a name from none
    if "const" in node:
        out["enum"] = [node["const"]]
    if "items" in node:
        out["items"] = _structural(node["items"], definitions)
    if "properties" in node:
        out["properties"] = {
            name: _structural(child, definitions) for name, child in node["properties"].items()
        }
    elif isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _structural(node["additionalProperties"], definitions)
    return out


def _resolved(node: Schema, definitions: Schema) -> Schema:
    """Follows references and drops null: an optional field is one that may be absent."""
    while True:
        if "$ref" in node:
            target = definitions[node["$ref"].rsplit("/", 1)[1]]
            node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        elif "anyOf" in node:
            (only,) = (item for item in node["anyOf"] if item.get("type") != "null")
            node = {**only, **{k: v for k, v in node.items() if k != "anyOf"}}
        else:
            return node


def crd(definition: Definition) -> Schema:
    schema: Schema = {
        "type": "object",
        "description": definition.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": schema_of(definition.spec),
            "status": schema_of(definition.status),
        },
    }
    version: Schema = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.as_dict() for column in definition.columns],
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": definition.name},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": definition.kind,
                "listKind": f"{definition.kind}List",
                "plural": definition.plural,
                "singular": definition.kind.lower(),
                "shortNames": [definition.short],
                "categories": ["sims"],
            },
            "versions": [version],
        },
    }
