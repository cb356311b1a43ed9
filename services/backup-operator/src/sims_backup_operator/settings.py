"""Settings of the operator, and the shape that its Jobs get from the installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sims_common.settings import LogSettings


class OperatorSettings(LogSettings):
    operator_namespace: str = Field(description="the one namespace that is served")
    operator_identity: str = Field(description="name of this pod, for the Lease")
    operator_jobs: str = Field(
        "/etc/sims/operator/jobs.yaml", description="file with the shape of the Jobs"
    )
    operator_side_host: str = "0.0.0.0"  # noqa: S104  probes and Prometheus come from outside
    operator_side_port: int = Field(9102, ge=0, le=65535)
    operator_resync: float = Field(60.0, ge=1, description="seconds between two full looks")
    operator_workers: int = Field(4, ge=1, le=32, description="objects reconciled at once")
    operator_lease: str = "sims-backup-operator"
    operator_lease_duration: float = Field(15.0, ge=3, description="seconds")
    operator_deletion_grace: float = Field(
        60.0, ge=0, description="seconds between a Backup's deletion and its set's"
    )


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )


class SecretKey(_Part):
    name: str
    key: str


class JobShape(_Part):
    """What every Job has in common; written by the chart, not by who makes resources."""

    image: str
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: list[str] = Field(default_factory=list)
    service_account: str
    labels: dict[str, str] = Field(default_factory=dict)
    priority_class: str = ""
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    resources: dict[str, Any] = Field(default_factory=dict)
    staging_size: str = Field("10Gi", description="limit of the emptyDir at /tmp")
    uid: int = 10001
    database_url: SecretKey
    identity: SecretKey | None = Field(None, description="age secret keys, for restores")
    recipients: str = ""
    media_claim: str = ""
    checks_config_map: str = Field("", description="ConfigMap with checks.toml")
    migrate_command: str = ""
    installation_id: str = ""
    prefix: str = "fmu_platform"
    environment: dict[str, str] = Field(default_factory=dict)
    scale_down: list[str] = Field(
        default_factory=list, description="Deployments that a Swap stops, when it names none"
    )
    ttl_seconds: int = 86400


def read_job_shape(path: str) -> JobShape:
    """A wrong file ends the process with exit code 78 and a line for each mistake."""
    try:
        return JobShape.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        sys.stderr.write(f"SIMS_OPERATOR_JOBS: cannot read {path}: {error.strerror}\n")
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            where = ".".join(str(part) for part in problem["loc"])
            sys.stderr.write(f"{path}: {where}: {problem['msg']}\n")
    raise SystemExit(78)
