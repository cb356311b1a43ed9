"""The tests break things: they refuse a cluster that is not meant for it."""

from __future__ import annotations

import pytest

from .cluster import Refused, choose_context


def test_a_kind_cluster_is_taken() -> None:
    assert choose_context("kind-sims", None) == "kind-sims"


@pytest.mark.parametrize("current", ["production", "kindergarten", ""])
def test_another_cluster_is_refused_with_what_to_do(current: str) -> None:
    with pytest.raises(Refused, match="SIMS_E2E_CONTEXT="):
        choose_context(current, None)


def test_a_cluster_named_by_the_user_is_taken_whatever_is_current() -> None:
    assert choose_context("production", "staging") == "staging"
