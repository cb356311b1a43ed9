"""The alerts about backups: what must fire fires, what must not does not.

Apart from the others, since their series are of hours and days, and some cases share them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from .render import CHART, Helm
from .tools import find

pytestmark = pytest.mark.chart

HERE = Path(__file__).parent
SUITES = ("backup_alerts_minutes.yaml", "backup_alerts_hours.yaml")
NAMES = {path.stem for path in (CHART / "files" / "alerts").glob("Sims[BR]*.yaml")}
ON = {"monitoring": {"prometheusRule": {"enabled": True}}}


@pytest.mark.parametrize("suite", SUITES)
def test_it_fires_when_it_should(helm: Helm, suite: str, tmp_path: Path) -> None:
    spec = helm.render(values=ON, namespace="school").one("PrometheusRule", "sims-alerts")["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    (tmp_path / suite).write_text((HERE / suite).read_text())
    done = subprocess.run(
        [find("promtool"), "test", "rules", suite],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_has_cases() -> None:
    text = "".join((HERE / suite).read_text() for suite in SUITES)
    assert {name for name in NAMES if name not in text} == set()
