"""The dashboards ask for metrics that there are, in words that Prometheus reads."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import sims_common.metrics  # noqa: F401 (registers them)

from .render import CHART, Helm
from .tools import find

pytestmark = pytest.mark.chart

FILES = sorted((CHART / "files" / "dashboards").glob("*.json"))
SUFFIXES = ("", "_total", "_count", "_bucket", "_sum", "_info")


def _expressions() -> Iterator[str]:
    for file in FILES:
        for panel in json.loads(file.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def test_every_metric_exists() -> None:
    known = {family.name + suffix for family in REGISTRY.collect() for suffix in SUFFIXES}
    asked = {name for e in _expressions() for name in re.findall(r"\bsims_\w+", e)}
    assert len(asked) > 8
    assert asked - known == set()


def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{n}", "expr": e.replace("$namespace", "college")}
        for n, e in enumerate(_expressions())
    ]
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "x", "rules": rules}]})
    )
    done = subprocess.run(
        [find("promtool"), "check", "rules", tmp_path / "rules.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_each_is_a_config_map_for_the_sidecar(helm: Helm) -> None:
    values: dict[str, Any] = {"monitoring": {"dashboards": {"enabled": True}}}
    maps = helm.render(values=values).of_kind("ConfigMap")
    for file in FILES:
        found = maps[f"sims-dashboard-{file.stem}"]
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(found["data"][file.name]) == json.loads(file.read_text())
