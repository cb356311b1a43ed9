"""No value is a lie: changing any of them changes what is rendered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from .modes import MODES
from .render import CHART, Helm, RenderError, merged, nested

pytestmark = pytest.mark.chart

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
PLACES = ("everything", "default", "external", "cnpg", "autoscaled")
"""Modes that the value is tried in; NOTES are not rendered, only resources."""

# Changed alone these would be refused, or have a shape of their own.
EXAMPLES: dict[str, Any] = {
    "api.image.digest": f"sha256:{'1' * 64}",
    "api.autoscaling.maxReplicas": 4,
    "ingress.enabled": False,
    "httpRoute.enabled": False,
    "monitoring.dashboards.enabled": False,
    "postgresql.mode": "cnpg",
    "redis.mode": "external",
    "smtp.security": "tls",
    "auth.previousSecretKeyKey": "older",
    "monitoring.prometheusRule.disabled": ["SimsApiDown"],
    "httpRoute.parentRefs": [{"name": "another"}],
    "extraObjects": [],
    "documents.publicUrl": "https://records.example.edu",
    "backup.encryption.recipients": ["age1changed"],
    "networkPolicy.s3Ports": [9000],
}
NEEDS: dict[str, dict[str, Any]] = {
    "redis.mode": nested("redis.external.existingSecret", "queue"),
    "postgresql.embedded.existingSecret": nested("backup.database.existingSecret", "dumper"),
    "backup.encryption.identityKey": nested("backup.encryption.identitySecret", "identity"),
}


def _leaves(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, found in schema["properties"].items():
        here = f"{path}{key}"
        if "properties" in found:
            yield from _leaves(found, f"{here}.")
        elif here != "enabled":  # for umbrella charts, which look at it themselves
            yield here, found


def _default(path: str) -> Any:
    found: Any = DEFAULTS
    for key in path.split("."):
        found = found[key]
    return found


def _other(path: str, schema: dict[str, Any]) -> Any:
    """A value that is allowed and not the default, nor that of a mode."""
    if path in EXAMPLES:
        return EXAMPLES[path]
    default = _default(path)
    if "enum" in schema:
        return next(value for value in schema["enum"] if value != default)
    if isinstance(default, list):
        text = schema["items"].get("type") == "string"
        return ["10.9.0.0/16" if text else {"name": "changed"}]
    if isinstance(default, int):  # booleans are integers too
        return (not default) if isinstance(default, bool) else default + 1
    return {str: "changed", dict: {"changed": "changed"}, type(None): 30900}[type(default)]


@pytest.mark.parametrize(("path", "schema"), list(_leaves(SCHEMA)), ids=lambda v: str(v)[:60])
def test_changing_it_changes_something(helm: Helm, path: str, schema: dict[str, Any]) -> None:
    changed = nested(path, _other(path, schema))
    assert any(_differs(helm, path, place, changed) for place in PLACES)


def _differs(helm: Helm, path: str, place: str, changed: dict[str, Any]) -> bool:
    base = merged(MODES[place], NEEDS.get(path, {}))
    try:
        return helm.render(values=base).text != helm.render(values=merged(base, changed)).text
    except RenderError as error:
        if "do not fit together" in str(error):
            return False  # in that mode it is refused, in another it counts
        raise
