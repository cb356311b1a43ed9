"""Secrets made in the cluster: what is missing is added, what is there stays as it is.

A specification names, for each Secret and key, one of ``{"random": length}``,
``{"text": "… {other key} …"}``, a text with the values of other keys of that Secret, and
``{"signing": "key"}`` with ``{"signing": "certificate"}``, a pair for demonstration in PEM.
"""

from __future__ import annotations

import base64
import re
import secrets
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from sims_cli.kube import CONFLICT, Kube, Refused
from sims_common.errors import ValidationFailed

ALPHABET = string.ascii_letters + string.digits  # means itself in URLs, shells and config files
ATTEMPTS = 3
_REFERENCE = re.compile(r"\{([^{}]+)\}")


class Key(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    random: int | None = Field(None, ge=32, le=512, description="characters")
    text: str | None = None
    signing: Literal["key", "certificate"] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if [self.random, self.text, self.signing].count(None) != 2:  # noqa: PLR2004 (of three)
            raise ValueError("give either random, text or signing")
        return self


Spec = dict[str, dict[str, Key]]
_SPEC = TypeAdapter(Spec)


class Outcome(StrEnum):
    CREATED = "created"
    COMPLETED = "completed"
    KEPT = "kept"


def parse(text: str) -> Spec:
    """Raises ``ValidationFailed`` on one that names no kind of value or an unknown key."""
    try:
        spec = _SPEC.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValidationFailed(f"--spec: {where}: {first['msg']}") from error
    for secret, keys in spec.items():
        if len(_pair(keys)) == 1 or len(_pair(keys)) < _signing(keys):
            raise ValidationFailed(f"--spec: {secret}: signing takes one key and one certificate")
        for name, key in keys.items():
            for other in _REFERENCE.findall(key.text or ""):
                if other not in keys or keys[other].random is None:
                    raise ValidationFailed(
                        f"--spec: {secret}.{name}: {{{other}}} is no random key of that Secret"
                    )
    return spec


def _pair(keys: Mapping[str, Key]) -> dict[str, str]:
    """"key" and "certificate", and the names that they have in the Secret."""
    return {key.signing: name for name, key in keys.items() if key.signing}


def _signing(keys: Mapping[str, Key]) -> int:
    return sum(key.signing is not None for key in keys.values())


def ensure(kube: Kube, namespace: str, name: str, keys: Mapping[str, Key]) -> Outcome:
    """Creates the Secret, or adds the keys that it lacks.

    Two that run at once agree on one: the later one sees a conflict and looks again.
    Raises ``ClusterError`` when the API refuses, ``ValidationFailed`` on half a signing pair.
    """
    for attempt in range(1, ATTEMPTS + 1):
        found = kube.secret(namespace, name)
        present = _decoded(found or {})
        try:
            missing = complete(present, keys)
        except HalfAPair as half:
            raise ValidationFailed(f"Secret {name}: {half}") from half
        if found and not missing:
            return Outcome.KEPT
        try:
            if found is None:
                kube.create_secret(namespace, _new(name, missing))
                return Outcome.CREATED
            kube.patch_secret(namespace, name, _addition(found, missing))
        except Refused as refused:
            if refused.http_status != CONFLICT or attempt == ATTEMPTS:
                raise
        else:
            return Outcome.COMPLETED
    raise AssertionError("the last attempt returns or raises")


class HalfAPair(ValueError):
    """A certificate belongs to one key: neither is made for the other."""


def complete(present: Mapping[str, str], keys: Mapping[str, Key]) -> dict[str, str]:
    """The values of the keys that ``present`` lacks. Raises ``HalfAPair``."""
    randoms = {
        name: "".join(secrets.choice(ALPHABET) for _ in range(key.random))
        for name, key in keys.items()
        if key.random is not None and name not in present
    }
    known = {**randoms, **present}
    texts = {
        name: _REFERENCE.sub(lambda match: known[match[1]], key.text)
        for name, key in keys.items()
        if key.text is not None and name not in present
    }
    return {**randoms, **texts, **_signing_pair(present, _pair(keys))}


def _signing_pair(present: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    there = [name for name in names.values() if name in present]
    if len(there) == len(names):  # both, or none is wanted
        return {}
    if there:
        (missing,) = set(names.values()) - set(there)
        raise HalfAPair(f"it has {there[0]} but no {missing}; add it, or delete the other one.")
    from sims_transcripts import signing  # noqa: PLC0415 (most runs make none)

    key, certificate = signing.self_signed("SIMS demonstration", now=datetime.now(UTC))
    return {names["key"]: key, names["certificate"]: certificate}


def _new(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "sims"}},
        "type": "Opaque",
        "data": _encoded(values),
    }


def _addition(found: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """A merge patch that fails with 409 when the Secret has changed since it was read."""
    version = found["metadata"]["resourceVersion"]
    return {"metadata": {"resourceVersion": version}, "data": _encoded(values)}


def _encoded(values: Mapping[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}


def _decoded(secret: Mapping[str, Any]) -> dict[str, str]:
    data = secret.get("data") or {}
    return {name: base64.b64decode(value).decode() for name, value in data.items()}
