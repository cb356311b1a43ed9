"""The programs, found or built once."""

from __future__ import annotations

import pytest

from .modes import MODES, PROFILES
from .render import Helm, Rendered
from .tools import find


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Helm 4, the newest."""
    return Helm(find("helm4"))


@pytest.fixture(scope="session", params=["helm3", "helm4"])
def any_helm(request: pytest.FixtureRequest) -> Helm:
    return Helm(find(request.param))


@pytest.fixture(scope="session", params=[*PROFILES, *MODES])
def rendered(request: pytest.FixtureRequest, helm: Helm) -> Rendered:
    """The chart with each profile and in each mode."""
    name = request.param
    return helm.render(name) if name in PROFILES else helm.render(values=MODES[name])
