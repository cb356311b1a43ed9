"""How a Job reaches a storage: target, environment, volumes."""

from __future__ import annotations

from dataclasses import dataclass, field

from sims_backup_operator.crds import BackupStorage
from sims_backup_operator.crds.storage import S3Store
from sims_backup_operator.kube import Object
from sims_common.errors import ValidationFailed

CREDENTIALS, CA = "/var/run/sims/s3", "/var/run/sims/s3-ca"


@dataclass
class Access:
    """Volumes by name, so that two storages on one claim or Secret share it."""

    target: str
    environment: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, Object] = field(default_factory=dict)
    mounts: dict[str, Object] = field(default_factory=dict)


def access(storage: BackupStorage, mount: str = "/backups") -> Access:
    spec = storage.spec
    if spec.local is not None:
        path = f"{mount}/{spec.local.path}".rstrip("/")
        name = mount.strip("/")
        claim = {"claimName": spec.local.claim_name}
        return Access(
            path,
            volumes={name: {"name": name, "persistentVolumeClaim": claim}},
            mounts={name: {"name": name, "mountPath": mount}},
        )
    if spec.s3 is None:
        raise ValidationFailed(f"BackupStorage {storage.name} has neither local nor s3")
    return _s3(spec.s3)


def _s3(s3: S3Store) -> Access:
    found = Access(
        f"s3://{s3.bucket}/{s3.prefix}".rstrip("/"),
        environment={
            "SIMS_S3_ENDPOINT": s3.endpoint,
            "SIMS_S3_REGION": s3.region,
            "SIMS_S3_PATH_STYLE": str(s3.force_path_style).lower(),
            "SIMS_S3_OBJECT_LOCK": s3.object_lock,
            "SIMS_S3_CHECKSUMS": s3.checksums,
        },
    )
    if s3.credentials_secret_ref is not None:
        _mount(found, "s3-credentials", s3.credentials_secret_ref.name, CREDENTIALS)
        found.environment["SIMS_S3_ACCESS_KEY_ID_FILE"] = f"{CREDENTIALS}/accessKeyId"
        found.environment["SIMS_S3_SECRET_ACCESS_KEY_FILE"] = f"{CREDENTIALS}/secretAccessKey"
    if s3.ca_bundle_secret_ref is not None:
        _mount(found, "s3-ca", s3.ca_bundle_secret_ref.name, CA)
        found.environment["SIMS_S3_CA_BUNDLE"] = f"{CA}/ca.crt"
    return found


def _mount(found: Access, name: str, secret: str, path: str) -> None:
    found.volumes[name] = secret_volume(name, secret)
    found.mounts[name] = {"name": name, "mountPath": path, "readOnly": True}


def secret_volume(name: str, secret: str) -> Object:
    """Optional: with the Secret missing, the engine says which file it lacks, at once.

    A required one would leave the pod waiting without a word until its deadline.
    """
    return {
        "name": name,
        "secret": {"secretName": secret, "optional": True, "defaultMode": 0o440},
    }


def both(source: BackupStorage, target: BackupStorage) -> tuple[Access, Access]:
    """For a copy between two storages in one process, which knows one S3 account."""
    a, b = source.spec.s3, target.spec.s3
    if a is not None and b is not None:
        same = (a.endpoint, a.region, a.credentials_secret_ref, a.ca_bundle_secret_ref)
        other = (b.endpoint, b.region, b.credentials_secret_ref, b.ca_bundle_secret_ref)
        if same != other:
            raise ValidationFailed(
                f"storages {source.name} and {target.name} use two S3 accounts; a copy needs the "
                "same endpoint and Secret, or a local storage on one side"
            )
    return access(source), access(target, "/copies")
