"""The chart's alerts about backups, by promtool: what must fire fires, what must not does not.

promtool comes from the PATH, or from Prometheus's image when Docker has it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
CHART = HERE.parents[1] / "charts" / "sims"
IMAGE = "prom/prometheus:v2.53"
SUITES = ("operator_minutes.yaml", "operator_hours.yaml")


def _promtool(folder: Path) -> list[str]:
    if found := shutil.which("promtool"):
        return [found]
    docker = shutil.which("docker")
    if (
        docker
        and not subprocess.run(
            [docker, "image", "inspect", IMAGE], capture_output=True, check=False
        ).returncode
    ):
        mount = f"{folder}:/rules:ro"
        return [
            docker,
            "run",
            "--rm",
            "-v",
            mount,
            "-w",
            "/rules",
            "--entrypoint",
            "promtool",
            IMAGE,
        ]
    pytest.skip("neither promtool nor Prometheus's image is here (Debian package: prometheus)")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with the rendered rules."""
    if not shutil.which("helm"):
        pytest.skip("helm is not here")
    options = ("--set", "monitoring.prometheusRule.enabled=true", "-n", "school")
    shown = ("--show-only", "templates/monitoring/prometheusrule.yaml")
    text = subprocess.run(
        ["helm", "template", "sims", str(CHART), *options, *shown],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    spec = yaml.safe_load(text)["spec"]
    tmp_path.chmod(0o755)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    for name in SUITES:
        (tmp_path / name).write_text((HERE / name).read_text())
    return tmp_path


@pytest.mark.parametrize("suite", SUITES)
def test_alerts_fire_and_do_not_fire(rules: Path, suite: str) -> None:
    done = subprocess.run(
        [*_promtool(rules), "test", "rules", suite],
        cwd=rules,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_page() -> None:
    pages = HERE.parents[1] / "docs" / "alerts"
    names = {path.stem for path in (CHART / "files" / "alerts").glob("Sims[BR]*.yaml")}
    assert {path.stem for path in pages.glob("Sims[BR]*.md")} == names
