"""What single values do."""

from __future__ import annotations

from typing import Any

import pytest

from .modes import MODES
from .render import Helm, Object, Rendered, merged, nested

pytestmark = pytest.mark.chart


def env(rendered: Rendered, component: str) -> dict[str, Any]:
    (container,) = pod_spec(rendered, component)["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def pod_spec(rendered: Rendered, component: str) -> Object:
    found: Object = rendered.one("Deployment", f"sims-{component}")["spec"]["template"]["spec"]
    return found


def secret_files(spec: Object) -> dict[str, tuple[str, str]]:
    """File → (Secret, key) of the projected volume."""
    (volume,) = (v for v in spec["volumes"] if v["name"] == "secrets")
    sources = [source["secret"] for source in volume["projected"]["sources"]]
    return {i["path"]: (s["name"], i["key"]) for s in sources for i in s["items"]}


def test_only_the_api_sees_the_key_of_tokens_and_only_the_worker_the_relay(helm: Helm) -> None:
    rendered = helm.render(values=MODES["everything"])
    assert secret_files(pod_spec(rendered, "api")) == {
        "database-url": ("sims-postgresql", "uri"),
        "redis-url": ("sims-redis", "uri"),
        "signing-key": ("sims-documents", "signing-key"),
        "signing-certificate": ("sims-documents", "signing-certificate"),
        "secret-key": ("sims-auth", "secret-key"),
    }
    assert secret_files(pod_spec(rendered, "worker")) == {
        "database-url": ("sims-postgresql", "uri"),
        "redis-url": ("sims-redis", "uri"),
        "signing-key": ("sims-documents", "signing-key"),
        "signing-certificate": ("sims-documents", "signing-certificate"),
        "smtp-password": ("relay-password", "password"),
    }
    smtp = {n: v for n, v in env(rendered, "worker").items() if n.startswith("SIMS_SMTP")}
    assert smtp == {
        "SIMS_SMTP_HOST": "relay",
        "SIMS_SMTP_PORT": "587",
        "SIMS_SMTP_SECURITY": "starttls",
        "SIMS_SMTP_TIMEOUT": "30",
        "SIMS_SMTP_USERNAME": "sims",
        "SIMS_SMTP_PASSWORD_FILE": "/run/secrets/sims/smtp-password",
    }


def test_named_secrets_are_used_and_nothing_is_generated(helm: Helm) -> None:
    rendered = helm.render(values=MODES["external"])
    assert secret_files(pod_spec(rendered, "api")) == {
        "database-url": ("database", "uri"),
        "redis-url": ("queue", "uri"),
        "signing-key": ("seal", "signing-key"),
        "signing-certificate": ("seal", "signing-certificate"),
        "secret-key": ("keys", "secret-key"),
        "secret-key-previous": ("keys", "old"),
    }
    assert rendered.of_kind("Job") == {}
    assert set(rendered.of_kind("Role")) == {"sims-backup-operator"}
    assert rendered.of_kind("StatefulSet") == {}


def test_the_secrets_job_may_touch_only_what_it_makes(helm: Helm) -> None:
    rules = helm.render().one("Role", "sims-secrets")["rules"]
    assert rules == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["sims-auth", "sims-documents", "sims-postgresql", "sims-redis"],
            "verbs": ["get", "patch"],
        },
    ]
    hooks = [o for o in helm.render().objects if "helm.sh/hook" in _annotations(o)]
    secrets = [o for o in hooks if o["metadata"]["name"] == "sims-secrets"]
    assert {o["kind"] for o in secrets} == {
        *("ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "Job")
    }
    for found in secrets:
        policy = _annotations(found)["helm.sh/hook-delete-policy"]
        assert policy == "before-hook-creation,hook-succeeded", found["kind"]
    weight = {o["kind"]: int(_annotations(o)["helm.sh/hook-weight"]) for o in secrets}
    assert weight.pop("Job") > max(weight.values())


def _annotations(found: Object) -> dict[str, str]:
    annotations: dict[str, str] = found["metadata"].get("annotations", {})
    return annotations


def test_cloudnativepg_brings_its_own_secret(helm: Helm) -> None:
    rendered = helm.render(values=MODES["cnpg"])
    cluster = rendered.one("Cluster", "sims-postgresql")
    assert cluster["apiVersion"] == "postgresql.cnpg.io/v1"
    assert cluster["spec"] == {
        "instances": 3,
        "imageName": "ghcr.io/cloudnative-pg/postgresql:17",
        "bootstrap": {"initdb": {"database": "sims", "owner": "sims", "encoding": "UTF8"}},
        "storage": {"size": "8Gi", "storageClass": "fast"},
    }
    assert cluster["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert secret_files(pod_spec(rendered, "api"))["database-url"] == ("sims-postgresql-app", "uri")


@pytest.mark.parametrize("component", ["api", "worker"])
def test_documents_are_signed_and_lead_back_here(helm: Helm, component: str) -> None:
    rendered = helm.render(values=MODES["everything"])
    found = env(rendered, component)
    assert found["SIMS_SIGNING_KEY_FILE"] == "/run/secrets/sims/signing-key"
    assert found["SIMS_SIGNING_CERTIFICATE_FILE"] == "/run/secrets/sims/signing-certificate"
    assert found["SIMS_LETTERHEAD_FILE"] == "/etc/sims/letterhead/letterhead.toml"
    assert found["SIMS_PUBLIC_URL"] == "https://sims.example.edu"
    spec = pod_spec(rendered, component)
    assert {"name": "letterhead", "configMap": {"name": "letterhead"}} in spec["volumes"]
    mounts = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
    assert mounts["letterhead"] == "/etc/sims/letterhead"


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, None),
        ({"ingress": {"enabled": True, "host": "a.example.edu"}}, "http://a.example.edu"),
        (MODES["external"], "https://route.example.edu"),
        (merged(MODES["external"], nested("httpRoute.hostnames", ["*.example.edu"])), None),
        (
            merged(MODES["everything"], nested("documents.publicUrl", "https://b.example.edu/x")),
            "https://b.example.edu/x",
        ),
    ],
)
def test_the_public_url_is_where_it_is_reached(
    helm: Helm, values: dict[str, Any], url: str | None
) -> None:
    assert env(helm.render(values=values), "api").get("SIMS_PUBLIC_URL") == url


def test_nobody_is_believed_as_a_proxy_unless_named(helm: Helm) -> None:
    assert env(helm.render(), "api")["FORWARDED_ALLOW_IPS"] == ""
    named = env(helm.render(values=MODES["everything"]), "api")["FORWARDED_ALLOW_IPS"]
    assert named == "10.244.0.0/16,fd00:10:244::/56"


def test_a_variable_of_the_user_replaces_the_charts(helm: Helm) -> None:
    extra = [{"name": "SIMS_LOG_LEVEL", "value": "DEBUG"}, {"name": "OTHER", "value": "$(A)"}]
    rendered = helm.render(values={"api": {"extraEnv": extra}})
    assert env(rendered, "api")["SIMS_LOG_LEVEL"] == "DEBUG"
    (container,) = pod_spec(rendered, "api")["containers"]
    assert container["env"][-2:] == extra
    assert env(rendered, "worker")["SIMS_LOG_LEVEL"] == "INFO"


def test_large_numbers_stay_numbers(helm: Helm) -> None:
    rendered = helm.render(values={"api": {"importMaxBytes": 104857600}})
    assert env(rendered, "api")["SIMS_IMPORT_MAX_BODY"] == "104857600"
    assert env(rendered, "api")["SIMS_REFRESH_TOKEN_LIFETIME"] == "PT86400S"


def test_an_autoscaler_owns_the_number_of_pods(helm: Helm) -> None:
    fixed = helm.render(values={"api": {"replicas": 3}})
    assert fixed.one("Deployment", "sims-api")["spec"]["replicas"] == 3
    scaled = helm.render(values=MODES["autoscaled"])
    assert "replicas" not in scaled.one("Deployment", "sims-api")["spec"]
    assert set(scaled.of_kind("HorizontalPodAutoscaler")) == {"sims-api"}
    keda = helm.render(values=MODES["everything"])
    assert "replicas" not in keda.one("Deployment", "sims-worker")["spec"]
    reference = keda.one("TriggerAuthentication", "sims-worker")["spec"]["secretTargetRef"]
    assert reference == [{"parameter": "connection", "name": "sims-postgresql", "key": "uri"}]


def test_one_pod_has_no_disruption_budget(helm: Helm) -> None:
    assert helm.render().of_kind("PodDisruptionBudget") == {}
    several = helm.render(values=MODES["autoscaled"]).of_kind("PodDisruptionBudget")
    assert set(several) == {"sims-api", "sims-worker"}
    assert all(found["spec"]["maxUnavailable"] == 1 for found in several.values())


def test_a_mirror_and_a_digest_are_used_everywhere(helm: Helm) -> None:
    digest = f"sha256:{'0' * 64}"
    values = {
        "global": {"imageRegistry": "mirror.example.edu:5000", "imagePullSecrets": ["pull"]},
        "api": {"image": {"registry": "elsewhere", "digest": digest}},
    }
    rendered = helm.render(values=values)
    images = {name: container["image"] for name, container in rendered.containers()}
    assert all(image.startswith("mirror.example.edu:5000/") for image in images.values())
    assert images["sims-api/api"] == f"mirror.example.edu:5000/sims-api@{digest}"
    assert images["sims-worker/worker"] == "mirror.example.edu:5000/sims-worker:0.1.0"
    for name, pod in rendered.pods():
        assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}], name


def test_the_metrics_port_is_in_no_service(helm: Helm) -> None:
    for name, service in helm.render(values=MODES["everything"]).of_kind("Service").items():
        assert [p["targetPort"] for p in service["spec"]["ports"]] != ["metrics"], name
        assert 9100 not in [p["port"] for p in service["spec"]["ports"]], name


def test_ingress_and_route_lead_to_the_api(helm: Helm) -> None:
    rendered = helm.render(values=MODES["everything"])
    ingress = rendered.one("Ingress", "sims-api")
    assert _annotations(ingress) == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    assert ingress["spec"]["tls"] == [{"secretName": "sims-tls", "hosts": ["sims.example.edu"]}]
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "sims-api", "port": {"name": "http"}}
    route = rendered.one("HTTPRoute", "sims-api")["spec"]
    assert route["parentRefs"] == [{"name": "gateway"}]
    assert route["rules"][0]["backendRefs"] == [{"name": "sims-api", "port": 80}]


def test_extra_objects_may_be_text_or_objects_with_templates(helm: Helm) -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Release.Name }}-text'}}"
    other = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": '{{ include "sims.fullname" . }}-object'},
    }
    made = helm.render(values={"extraObjects": [text, other]}).of_kind("ConfigMap")
    assert {"sims-text", "sims-object"} <= set(made)


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("sims", {}, "sims-api"),
        ("college", {}, "college-sims-api"),
        ("college", {"nameOverride": "records"}, "college-records-api"),
        ("college", {"fullnameOverride": "records"}, "records-api"),
        ("r" * 53, {}, f"{'r' * 42}-api"),
    ],
)
def test_names_follow_the_release(
    helm: Helm, release: str, values: dict[str, Any], name: str
) -> None:
    assert name in helm.render(values=values, release=release).of_kind("Deployment")
