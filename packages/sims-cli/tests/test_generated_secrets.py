"""Secrets made in a cluster: whole, never changed, the same for two that make them at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sims_cli.generated_secrets import ALPHABET, Outcome, ensure, parse
from sims_cli.kube import ClusterError, Kube, Refused
from sims_cli.kube_testing import Cluster, running
from sims_cli.testing import Sims, free_port
from sims_common.errors import ValidationFailed
from sims_transcripts import signing

SPEC = parse(
    '{"db": {"password": {"random": 40},'
    ' "uri": {"text": "postgresql://sims:{password}@db:5432/sims"}}}'
)
KEYS = SPEC["db"]
PAIR = parse('{"documents": {"pem": {"signing": "key"}, "crt": {"signing": "certificate"}}}')[
    "documents"
]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def kube(cluster: Cluster) -> Iterator[Kube]:
    with running(cluster) as found:
        yield found


def test_a_missing_secret_is_made_and_then_kept(cluster: Cluster, kube: Kube) -> None:
    assert ensure(kube, "college", "db", KEYS) is Outcome.CREATED
    password = cluster.value("db", "password")
    assert len(password) == 40
    assert set(password) <= set(ALPHABET)
    assert cluster.value("db", "uri") == f"postgresql://sims:{password}@db:5432/sims"
    assert ensure(kube, "college", "db", KEYS) is Outcome.KEPT
    assert cluster.value("db", "password") == password


def test_a_key_that_is_missing_is_added_from_those_that_are_there(
    cluster: Cluster, kube: Kube
) -> None:
    cluster.put("db", {"password": "mine", "other": "untouched"})
    assert ensure(kube, "college", "db", KEYS) is Outcome.COMPLETED
    assert cluster.value("db", "password") == "mine"
    assert cluster.value("db", "other") == "untouched"
    assert cluster.value("db", "uri") == "postgresql://sims:mine@db:5432/sims"


def test_a_signing_pair_is_made_once_and_says_what_it_is(cluster: Cluster, kube: Kube) -> None:
    assert ensure(kube, "college", "documents", PAIR) is Outcome.CREATED
    key, certificate = (cluster.value("documents", name) for name in ("pem", "crt"))
    assert signing.load(key, certificate).demonstration
    assert ensure(kube, "college", "documents", PAIR) is Outcome.KEPT
    assert cluster.value("documents", "pem") == key


def test_half_a_signing_pair_is_not_completed(cluster: Cluster, kube: Kube) -> None:
    cluster.put("documents", {"pem": "the institution's"})
    with pytest.raises(ValidationFailed, match="documents: it has pem but no crt"):
        ensure(kube, "college", "documents", PAIR)
    assert cluster.value("documents", "pem") == "the institution's"


def test_two_at_once_end_with_one_secret(cluster: Cluster, kube: Kube) -> None:
    cluster.rivals = [{"name": "db", "values": {"password": "theirs"}}]
    assert ensure(kube, "college", "db", KEYS) is Outcome.COMPLETED
    assert cluster.value("db", "uri") == "postgresql://sims:theirs@db:5432/sims"


def test_a_secret_that_changes_while_it_is_completed_is_read_again(
    cluster: Cluster, kube: Kube
) -> None:
    cluster.put("db", {"password": "first"})
    cluster.rivals = [{"name": "db", "values": {"password": "second"}}]
    assert ensure(kube, "college", "db", KEYS) is Outcome.COMPLETED
    assert cluster.value("db", "uri") == "postgresql://sims:second@db:5432/sims"


def test_what_the_api_refuses_is_said(cluster: Cluster, kube: Kube) -> None:
    cluster.forbidden = True
    with pytest.raises(Refused, match="no RBAC policy matched"):
        ensure(kube, "college", "db", KEYS)


def test_an_api_that_does_not_answer_is_said_with_what_to_look_at() -> None:
    with pytest.raises(ClusterError, match="NetworkPolicies"):
        ensure(Kube("127.0.0.1", free_port(), "t", None), "college", "db", KEYS)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("no json", "Invalid JSON"),
        ('{"db": {"password": {}}}', "either random, text or signing"),
        ('{"db": {"k": {"signing": "key"}}}', "one key and one certificate"),
        (
            '{"db": {"k": {"signing": "key"}, "l": {"signing": "key"},'
            ' "c": {"signing": "certificate"}}}',
            "one key and one certificate",
        ),
        ('{"db": {"password": {"random": 8}}}', "greater than or equal to 32"),
        ('{"db": {"uri": {"text": "x{password}"}}}', "no random key of that Secret"),
    ],
)
def test_a_wrong_specification_is_refused(spec: str, reason: str) -> None:
    with pytest.raises(ValidationFailed, match=reason):
        parse(spec)


def test_outside_a_cluster_the_command_says_so(
    sims: Sims, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    ran = sims("secrets", "ensure", "--namespace", "college", "--spec", "{}")
    assert ran.code == 1
    assert "kubectl create secret" in ran.err
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(ClusterError, match="no pod with a service account"):
        Kube.of_this_pod(tmp_path)
