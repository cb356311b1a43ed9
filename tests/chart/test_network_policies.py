"""The NetworkPolicies say what files/connections.yaml says, no more and no less."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from .modes import MODES
from .render import CHART, Helm, Rendered, merged

pytestmark = pytest.mark.chart

TABLE: list[dict[str, Any]] = yaml.safe_load((CHART / "files" / "connections.yaml").read_text())[
    "connections"
]
PODS = (
    *("api", "worker", "postgresql", "redis", "secrets", "smoke"),
    *("backup-operator", "backup-jobs"),
)
COMPONENT = "app.kubernetes.io/component"

Connection = tuple[str, str, int]


def _ours(peer: dict[str, Any]) -> str | None:
    """The component that a peer selects; None for one outside the release."""
    found: str | None = peer.get("podSelector", {}).get("matchLabels", {}).get(COMPONENT)
    return found


def _connections(rendered: Rendered, side: str) -> set[Connection]:
    """(from, to, port) between pods of the release, as the policies of one side tell."""
    found: set[Connection] = set()
    for policy in rendered.of_kind("NetworkPolicy").values():
        spec = policy["spec"]
        own = spec["podSelector"]["matchLabels"][COMPONENT]
        for rule in spec["ingress" if side == "from" else "egress"] or []:
            for other in filter(None, map(_ours, rule.get(side, []))):
                pair = (other, own) if side == "from" else (own, other)
                found.update((*pair, port["port"]) for port in rule["ports"])
    return found


def _expected() -> set[Connection]:
    return {
        (row["from"], row["to"], row["port"])
        for row in TABLE
        if row["from"] in PODS and row["to"] in PODS
    }


@pytest.mark.parametrize("side", ["from", "to"])
def test_both_sides_allow_what_the_table_says(helm: Helm, side: str) -> None:
    assert _connections(helm.render(), side) == _expected()


def test_every_pod_has_a_policy_for_both_directions(rendered: Rendered) -> None:
    policies = {
        policy["spec"]["podSelector"]["matchLabels"][COMPONENT]: policy["spec"]
        for policy in rendered.of_kind("NetworkPolicy").values()
    }
    for name, pod in rendered.pods():
        spec = policies[pod["metadata"]["labels"][COMPONENT]]
        assert spec["policyTypes"] == ["Ingress", "Egress"], name


def test_stores_open_no_connection_at_all(helm: Helm) -> None:
    rendered = helm.render()
    for name in ("sims-postgresql", "sims-redis"):
        assert rendered.one("NetworkPolicy", name)["spec"]["egress"] is None


def test_external_stores_are_reached_by_address_and_port(helm: Helm) -> None:
    external = {
        "postgresql": {"external": {"cidrs": ["10.1.0.0/16"], "port": 6432}},
        "redis": {"external": {"cidrs": ["10.2.0.0/16"], "port": 6380}},
    }
    rendered = helm.render(values=merged(MODES["external"], external))
    egress = rendered.one("NetworkPolicy", "sims-api")["spec"]["egress"]
    blocks = {
        (peer["ipBlock"]["cidr"], rule["ports"][0]["port"])
        for rule in egress
        for peer in rule.get("to", [])
        if "ipBlock" in peer
    }
    assert blocks == {("10.1.0.0/16", 6432), ("10.2.0.0/16", 6380)}


def test_who_is_outside_comes_from_the_values(helm: Helm) -> None:
    front = [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}]
    scraper = [{"namespaceSelector": {"matchLabels": {"team": "watch"}}}]
    relay = [{"ipBlock": {"cidr": "192.0.2.25/32"}}]
    values = {
        "networkPolicy": {"apiFrom": front, "metricsFrom": scraper, "smtpTo": relay},
        "smtp": {"host": "relay", "port": 2525},
    }
    rendered = helm.render(values=values)
    ingress = rendered.one("NetworkPolicy", "sims-api")["spec"]["ingress"]
    assert {"ports": [{"protocol": "TCP", "port": 8000}], "from": front} in ingress
    assert {"ports": [{"protocol": "TCP", "port": 9100}], "from": scraper} in ingress
    egress = rendered.one("NetworkPolicy", "sims-worker")["spec"]["egress"]
    assert {"ports": [{"protocol": "TCP", "port": 2525}], "to": relay} in egress


def test_a_relay_that_is_not_there_is_not_opened(helm: Helm) -> None:
    egress = helm.render().one("NetworkPolicy", "sims-worker")["spec"]["egress"]
    assert all("to" in rule for rule in egress)


def test_they_can_be_switched_off(helm: Helm) -> None:
    off = helm.render(values={"networkPolicy": {"enabled": False}})
    assert off.of_kind("NetworkPolicy") == {}
