"""What the chart's values promise, as far as no helm is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema_rs
import pytest
import yaml

from .modes import MODES, PROFILES
from .render import CHART, merged, nested

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())


def _errors(values: dict[str, Any]) -> list[str]:
    return [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(values)]


def test_readme_and_schema_are_what_values_yaml_says() -> None:
    script = CHART.parents[1] / "scripts" / "generate_chart.py"
    done = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_value_is_described() -> None:
    rows = [line.split(" | ") for line in (CHART / "README.md").read_text().splitlines()]
    values = [row for row in rows if row[0].startswith("| `") and len(row) == 3 and "." in row[0]]
    assert len(values) > 100
    assert [row[0] for row in values if row[2].strip(" |") == ""] == []


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_fit_the_schema(profile: str) -> None:
    values = yaml.safe_load((CHART / f"values-{profile}.yaml").read_text())
    assert _errors(merged(DEFAULTS, values)) == []


@pytest.mark.parametrize("mode", MODES)
def test_modes_fit_the_schema(mode: str) -> None:
    assert _errors(merged(DEFAULTS, MODES[mode])) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("api.replica", 2),
        ("api.replicas", "2"),
        ("api.replicas", -1),
        ("api.image.pullPolicy", "Sometimes"),
        ("api.extraEnv", [{"value": "without a name"}]),
        ("postgresql.mode", "sqlite"),
        ("postgresql.external.cidrs", []),
        ("smtp.port", 70_000),
        ("worker.autoscaling.mode", "vpa"),
        ("institution.timezone", "Asia/Karachi"),
    ],
)
def test_a_wrong_value_is_refused(path: str, value: object) -> None:
    assert _errors(merged(DEFAULTS, nested(path, value))) != []


def test_umbrella_charts_may_set_global_and_enabled() -> None:
    umbrella = {"global": {"storageClass": "theirs"}, "enabled": True}
    assert _errors(merged(DEFAULTS, umbrella)) == []
