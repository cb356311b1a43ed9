"""The body of a Job: one container, restricted, without an API token, that runs one verb."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sims_backup_operator.crds.common import Resource
from sims_backup_operator.kube import Object
from sims_backup_operator.resources.names import EXCLUSIVE, KIND, MANAGED, PURPOSE, UID
from sims_backup_operator.resources.storage import Access, secret_volume
from sims_backup_operator.settings import JobShape
from sims_backup_operator.world import owner

DATABASE, IDENTITY = "/var/run/sims/database", "/var/run/sims/identity"
CHECKS, MEDIA, SCRATCH = "/etc/sims/checks", "/media", "/tmp"  # noqa: S108  an emptyDir
_LOCK_WAIT = 30


@dataclass(frozen=True)
class Task:
    """What a Job is to do. ``exclusive``: it takes the database's lock, one at a time."""

    purpose: str
    arguments: list[str]
    accesses: list[Access]
    deadline: int
    exclusive: bool = True
    media: str = ""
    identity: bool = False
    recipients: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    ttl: int | None = None


def job(resource: Resource[Any, Any], name: str, task: Task, shape: JobShape) -> Object:
    labels = {
        **shape.labels,
        **MANAGED,
        UID: resource.metadata.uid,
        KIND: type(resource).__name__,
        PURPOSE: task.purpose,
        EXCLUSIVE: str(task.exclusive).lower(),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels, "ownerReferences": [owner(resource)]},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": task.deadline,
            "ttlSecondsAfterFinished": task.ttl if task.ttl is not None else shape.ttl_seconds,
            "template": {"metadata": {"labels": labels}, "spec": _pod(task, shape)},
        },
    }


def _pod(task: Task, shape: JobShape) -> Object:
    volumes, mounts = _volumes(task, shape)
    pod: Object = {
        "serviceAccountName": shape.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": shape.uid,
            "runAsGroup": shape.uid,
            "fsGroup": shape.uid,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(task, shape, mounts)],
        "volumes": volumes,
    }
    if shape.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in shape.image_pull_secrets]
    if shape.priority_class:
        pod["priorityClassName"] = shape.priority_class
    if shape.node_selector:
        pod["nodeSelector"] = shape.node_selector
    if shape.tolerations:
        pod["tolerations"] = shape.tolerations
    return pod


def _container(task: Task, shape: JobShape, mounts: list[Object]) -> Object:
    environment = _environment(task, shape)
    return {
        "name": "engine",
        "image": shape.image,
        "imagePullPolicy": shape.image_pull_policy,
        "command": ["sims-backup"],
        "args": task.arguments,
        "env": [{"name": key, "value": environment[key]} for key in sorted(environment)],
        "resources": shape.resources,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }


def _environment(task: Task, shape: JobShape) -> dict[str, str]:
    found = {
        "HOME": SCRATCH,
        "SIMS_LOG_FORMAT": "json",
        "SIMS_BACKUP_EVENTS": "-",
        "SIMS_BACKUP_OUTCOME": "/dev/termination-log",
        "SIMS_BACKUP_STAGING_DIR": SCRATCH,
        "SIMS_BACKUP_DEADLINE": str(max(30, task.deadline - 30)),
        "SIMS_BACKUP_LOCK_TIMEOUT": str(_LOCK_WAIT),
        "SIMS_BACKUP_CONNECT_WAIT": str(_LOCK_WAIT * 2),
        "SIMS_BACKUP_TARGETS": task.accesses[0].target,
        "SIMS_BACKUP_PREFIX": shape.prefix,
        "SIMS_DATABASE_URL_FILE": f"{DATABASE}/{shape.database_url.key}",
        "SIMS_RESTORE_MIGRATE_COMMAND": shape.migrate_command,
        "SIMS_INSTALLATION_ID": shape.installation_id,
        **shape.environment,
    }
    if task.recipients and shape.recipients:
        found["SIMS_BACKUP_RECIPIENTS"] = shape.recipients
    if task.identity and shape.identity is not None:
        found["SIMS_BACKUP_IDENTITY_FILE"] = f"{IDENTITY}/{shape.identity.key}"
    if task.media and shape.media_claim:
        found["SIMS_BACKUP_MEDIA_DIR"] = MEDIA
    if shape.checks_config_map:
        found["SIMS_BACKUP_CHECKS"] = f"{CHECKS}/checks.toml"
    for access in task.accesses:
        found |= access.environment
    return found | task.environment


def _volumes(task: Task, shape: JobShape) -> tuple[list[Object], list[Object]]:
    volumes: dict[str, Object] = {
        "scratch": {"name": "scratch", "emptyDir": {"sizeLimit": shape.staging_size}},
        "database": secret_volume("database", shape.database_url.name),
    }
    mounts: dict[str, Object] = {
        "scratch": {"name": "scratch", "mountPath": SCRATCH},
        "database": {"name": "database", "mountPath": DATABASE, "readOnly": True},
    }
    if task.identity and shape.identity is not None:
        volumes["identity"] = secret_volume("identity", shape.identity.name)
        mounts["identity"] = {"name": "identity", "mountPath": IDENTITY, "readOnly": True}
    if shape.checks_config_map:
        volumes["checks"] = {"name": "checks", "configMap": {"name": shape.checks_config_map}}
        mounts["checks"] = {"name": "checks", "mountPath": CHECKS, "readOnly": True}
    if task.media and shape.media_claim:
        claim = {"claimName": shape.media_claim}
        volumes["media"] = {"name": "media", "persistentVolumeClaim": claim}
        mounts["media"] = {
            "name": "media",
            "mountPath": MEDIA,
            "readOnly": task.media == "read",
        }
    for access in task.accesses:
        volumes |= access.volumes
        mounts |= access.mounts
    return list(volumes.values()), list(mounts.values())
