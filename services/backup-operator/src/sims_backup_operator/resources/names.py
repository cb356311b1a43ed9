"""Names and labels of what the operator makes. The same question gives the same name."""

from __future__ import annotations

import hashlib
from typing import Any

from sims_backup_operator.crds.common import GROUP, Resource

MANAGED = {"app.kubernetes.io/managed-by": "sims-backup-operator"}
UID, KIND, PURPOSE = f"{GROUP}/uid", f"{GROUP}/kind", f"{GROUP}/purpose"
EXCLUSIVE, SCHEDULE, SLOT = f"{GROUP}/exclusive", f"{GROUP}/schedule-uid", f"{GROUP}/slot"
DISCOVERED, DRILL, SKIP = f"{GROUP}/discovered", f"{GROUP}/drill", f"{GROUP}/skip"
SCHEDULE_NAME = f"{GROUP}/schedule"

_LABEL = 63
_OWN = 36


def job_name(resource: Resource[Any, Any], suffix: str) -> str:
    """Unique to the object's uid; at most 63 characters, as pods' labels need."""
    clean = resource.name.replace(".", "-")[:_OWN].strip("-")
    return f"{clean}-{short_uid(resource.metadata.uid)}-{suffix}"[:_LABEL]


def short_uid(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:8]


def backup_name(set_id: str) -> str:
    """The name of the Backup of a set that was found in a storage."""
    return set_id.lower().replace("_", "-").strip("-")


def label_value(text: str) -> str:
    """As much of it as fits into a label."""
    return text[:_LABEL].strip("-_.")


def parent_of(resource: Resource[Any, Any]) -> str:
    """What the manifest says of who asked."""
    metadata = resource.metadata
    return f"{type(resource).__name__}/{metadata.namespace}/{metadata.name}/{metadata.uid}"


def request_name(resource: Resource[Any, Any], spec_digest: str) -> str:
    """The restore's name in the journal of the database server.

    Made of name, spec and set, not of the uid: the same YAML, deleted and applied again, is the
    same request and restores nothing a second time.
    """
    return f"{resource.metadata.namespace}/{resource.name}/{spec_digest}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
