"""What Kubernetes' own schemas and a linter say, for the oldest and the newest version."""

from __future__ import annotations

import subprocess

import pytest

from .modes import MODES, PROFILES
from .render import Helm, Rendered
from .schemas import CUSTOM, LOCATION, custom, kubernetes
from .tools import find

pytestmark = pytest.mark.chart

OLDEST, NEWEST = "1.31.0", "1.37.0"


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("name", [*PROFILES, *MODES])
def test_every_field_is_one_that_kubernetes_knows(helm: Helm, name: str, version: str) -> None:
    profiles, values = ([name], {}) if name in PROFILES else ([], MODES[name])
    rendered = helm.render(*profiles, values=values, kubernetes=version)
    done = _kubeconform(rendered, version)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rendered.objects)} resources found" in done.stdout
    assert f"Skipped: {len(rendered.of_kind('Cluster'))}" in done.stdout


def test_a_field_that_kubernetes_does_not_know_is_found(helm: Helm) -> None:
    text = helm.render().text.replace("enableServiceLinks", "enableServiceLink")
    assert "enableServiceLink" in _kubeconform(Rendered(text), NEWEST).stdout


def test_the_same_for_custom_resources(helm: Helm) -> None:
    text = helm.render(values=MODES["everything"]).text.replace("podMetricsEndpoints", "endpoints")
    assert "endpoints" in _kubeconform(Rendered(text), NEWEST).stdout


def _kubeconform(rendered: Rendered, version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(find("kubeconform"), "-strict", "-summary", "-kubernetes-version", version),
            "-skip=Cluster",  # no package registry has CloudNativePG's definitions; see test_parts
            *("-schema-location", f"{kubernetes(version)}/{LOCATION}"),
            *("-schema-location", f"{custom()}/{CUSTOM}"),
        ],
        input=rendered.text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_kube_score_finds_nothing(rendered: Rendered) -> None:
    """Exceptions are annotations of the objects, each with its reason in a comment."""
    done = subprocess.run(
        [
            *(find("kube-score"), "score", "--output-format", "ci"),
            *("--kubernetes-version", "v1.36", "--exit-one-on-warning", "-"),
        ],
        input=rendered.text,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [
        line for line in done.stdout.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))
    ]
    assert found == [], done.stderr
    assert done.returncode == 0
