"""What the four resources share: the base model, conditions, metadata, CEL rules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

GROUP, VERSION = "sims.dev", "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?$"


class Model(BaseModel):
    """camelCase in YAML; what a newer version added is ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[datetime, PlainSerializer(_rfc3339, when_used="json")]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=NAME_PATTERN)]


class Condition(Model):
    type: str = Field(max_length=64)
    status: Literal["True", "False", "Unknown"]
    reason: str = Field(max_length=128, description="one word, for programs")
    message: str = Field("", max_length=4096, description="for people: what is, what to do")
    last_transition_time: Time
    observed_generation: int = 0


class SecretRef(Model):
    name: ObjectName = Field(description="name of a Secret in the same namespace")


class StorageRef(Model):
    name: ObjectName = Field(description="name of a BackupStorage in the same namespace")


class Metadata(Model):
    """The part of ``metadata`` that is read here."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


SpecT = TypeVar("SpecT", bound=Model)
StatusT = TypeVar("StatusT", bound=Model)


class Resource(Model, Generic[SpecT, StatusT]):
    """An object as read; ``status`` is empty before the first reconcile."""

    metadata: Metadata
    spec: SpecT
    status: StatusT

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def labels(self) -> dict[str, str]:
        return self.metadata.labels


def rule(expression: str, message: str, **more: str) -> dict[str, str]:
    return {"rule": expression, "message": message, **more}


def immutable(*names: str) -> list[dict[str, str]]:
    """Rules that let each of the fields neither change, nor appear, nor go."""
    return [
        rule(
            f"has(self.{name}) == has(oldSelf.{name})"
            f" && (!has(self.{name}) || self.{name} == oldSelf.{name})",
            f"{name} can't be changed: make a new object instead",
            fieldPath=f".{name}",
        )
        for name in names
    ]


def rules(*items: dict[str, str]) -> dict[str, Any]:
    """For ``json_schema_extra``."""
    return {"x-kubernetes-validations": list(items)}
