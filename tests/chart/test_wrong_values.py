"""Values that do not fit together are refused, with what to set instead."""

from __future__ import annotations

from typing import Any

import pytest

from .render import Helm, RenderError, merged, nested

pytestmark = pytest.mark.chart

CASES: list[tuple[dict[str, Any], str]] = [
    (nested("postgresql.mode", "external"), "postgresql.external.existingSecret"),
    (nested("redis.mode", "external"), "redis.external.existingSecret"),
    (nested("smtp", {"host": "relay", "username": "sims"}), "smtp.existingSecret"),
    (nested("smtp.existingSecret", "password"), "no effect without smtp.username"),
    (
        nested("smtp", {"username": "sims", "existingSecret": "x", "security": "none"}),
        "in the clear",
    ),
    (nested("auth.previousSecretKeyKey", "old"), "auth.existingSecret"),
    ({"ingress": {"enabled": True}}, "ingress.host"),
    (nested("ingress.tls.clusterIssuer", "letsencrypt"), "ingress.tls.secretName"),
    ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs"),
    ({"legacy": {"allowWrites": True}}, "legacy.enableModules"),
    (nested("api.autoscaling.minReplicas", 9), "api.autoscaling.minReplicas"),
    (nested("worker.autoscaling.minReplicas", 9), "worker.autoscaling.minReplicas"),
    (nested("api.replicas", 12), "max_connections is 100: set it to 152 or more"),
    (
        nested("monitoring.prometheusRule", {"enabled": True, "disabled": ["SimsApiDwon"]}),
        "there is no alert SimsApiDwon; there are SimsApiDown",
    ),
]


@pytest.mark.parametrize(("values", "advice"), CASES)
def test_it_is_refused_with_advice(helm: Helm, values: dict[str, Any], advice: str) -> None:
    with pytest.raises(RenderError) as error:
        helm.render(values=values)
    assert advice in str(error.value)


def test_all_mistakes_are_said_at_once(helm: Helm) -> None:
    with pytest.raises(RenderError) as error:
        helm.render(values=merged(CASES[0][0], CASES[6][0], CASES[8][0]))
    for _, advice in (CASES[0], CASES[6], CASES[8]):
        assert advice in str(error.value)
