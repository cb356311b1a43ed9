"""Rules that hold for whatever the chart renders, in every profile and mode."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from .modes import MODES, PROFILES
from .render import Helm, Rendered

pytestmark = pytest.mark.chart

OUR_CONTROLLER = {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
WITH_TOKEN = {"sims-secrets", "sims-backup-operator"}
CLUSTER_WIDE = {
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


@pytest.mark.parametrize("name", [*PROFILES, *MODES])
def test_two_renders_are_equal_for_both_helms(any_helm: Helm, name: str) -> None:
    profiles, values = ([name], {}) if name in PROFILES else ([], MODES[name])
    first = any_helm.render(*profiles, values=values)
    assert first.text == any_helm.render(*profiles, values=values).text
    assert first.objects


def test_nothing_is_rendered_twice_or_without_its_labels(rendered: Rendered) -> None:
    ours = [o for o in rendered.objects if o["metadata"]["name"] != "extra"]
    names = Counter((o["kind"], o["metadata"]["name"]) for o in ours)
    assert [name for name, count in names.items() if count > 1] == []
    for found in ours:
        labels = found["metadata"]["labels"]
        assert OUR_CONTROLLER | {"helm.sh/chart", "app.kubernetes.io/version"} <= set(labels)
        namespace = None if found["kind"] in CLUSTER_WIDE else "college"
        assert found["metadata"].get("namespace") == namespace, found["metadata"]["name"]


def test_no_value_is_null(rendered: Rendered) -> None:
    """A null would take a field away under server-side apply."""

    def nulls(value: Any, path: str) -> list[str]:
        match value:
            case None:
                return [path]
            case dict():
                return [n for k, v in value.items() for n in nulls(v, f"{path}.{k}")]
            case list():
                return [n for i, v in enumerate(value) for n in nulls(v, f"{path}[{i}]")]
            case _:
                return []

    found = [n for o in rendered.objects for n in nulls(o, f"{o['kind']}/{o['metadata']['name']}")]
    # A policy that lists a direction without rules refuses all of it.
    assert [path for path in found if not path.startswith("NetworkPolicy/")] == []


def test_selectors_hold_nothing_that_an_upgrade_changes(rendered: Rendered) -> None:
    for kind in ("Deployment", "StatefulSet"):
        for name, found in rendered.of_kind(kind).items():
            selector = found["spec"]["selector"]["matchLabels"]
            assert set(selector) == OUR_CONTROLLER | {"app.kubernetes.io/component"}, name
            labels = found["spec"]["template"]["metadata"]["labels"]
            assert selector.items() <= labels.items(), name
            for claim in found["spec"].get("volumeClaimTemplates", []):
                assert claim["metadata"]["labels"] == selector, name


def test_every_pod_is_restricted(rendered: Rendered) -> None:
    for name, pod in rendered.pods():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["spec"]["enableServiceLinks"] is False, name
        assert pod["spec"]["automountServiceAccountToken"] is (name in WITH_TOKEN), name
        assert not any("hostPath" in volume for volume in pod["spec"]["volumes"]), name
    for name, container in rendered.containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


def test_every_container_has_resources_and_says_why_it_ended(rendered: Rendered) -> None:
    for name, container in rendered.containers():
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name
        assert "memory" in container["resources"]["limits"], name
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError", name


def test_no_variable_comes_twice(rendered: Rendered) -> None:
    for name, container in rendered.containers():
        counts = Counter(variable["name"] for variable in container.get("env", []))
        assert [n for n, count in counts.items() if count > 1] == [], name


def test_no_secret_is_in_an_environment_or_an_argument(rendered: Rendered) -> None:
    for name, container in rendered.containers():
        for variable in container.get("env", []):
            assert set(variable.get("valueFrom", {})) <= {"fieldRef"}, name
            if variable["name"] == "SIMS_PUBLIC_URL":
                continue  # printed on every document
            if re.search("PASSWORD|SECRET|URL|KEY", variable["name"]):
                assert variable["name"].endswith("_FILE"), name
        words = " ".join([*container.get("command", []), *container.get("args", [])])
        assert not re.search(r"://[^/\s:]*:[^{/\s][^/\s]*@", words), name


def test_what_serves_has_all_three_probes_and_liveness_asks_nobody(rendered: Rendered) -> None:
    for kind in ("Deployment", "StatefulSet"):
        for name, found in rendered.of_kind(kind).items():
            (container,) = found["spec"]["template"]["spec"]["containers"]
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), name
            if kind == "Deployment":
                assert container["livenessProbe"]["httpGet"]["path"] == "/livez", name
                assert container["readinessProbe"]["httpGet"]["path"].endswith(
                    ("/health/", "/healthz/")
                ), name


def test_updates_take_no_pod_away_before_a_new_one_serves(rendered: Rendered) -> None:
    for name, found in rendered.of_kind("Deployment").items():
        assert found["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, name
        spec = found["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        env = {v["name"]: v.get("value") for v in container["env"]}
        if name == "sims-backup-operator":
            continue  # its work is in Jobs; the next one takes over where it was
        own = env.get("SIMS_API_SHUTDOWN_TIMEOUT") or env["SIMS_WORKER_STOP_TIMEOUT"]
        assert spec["terminationGracePeriodSeconds"] > pause + int(own), name


def test_volumes_outlive_the_release(rendered: Rendered) -> None:
    for name, found in rendered.of_kind("StatefulSet").items():
        kept = {"whenDeleted": "Retain", "whenScaled": "Retain"}
        assert found["spec"]["persistentVolumeClaimRetentionPolicy"] == kept, name


def test_every_service_account_is_made_and_may_do_nothing(rendered: Rendered) -> None:
    accounts = rendered.of_kind("ServiceAccount")
    for name, pod in rendered.pods():
        account = pod["spec"].get("serviceAccountName")
        assert account in accounts or account is None, name
    assert set(rendered.of_kind("Role")) <= WITH_TOKEN
    assert rendered.of_kind("ClusterRole") == {}
    for name, found in accounts.items():
        assert found["automountServiceAccountToken"] is False, name
