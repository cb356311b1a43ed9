"""k8s/images.txt is what a cluster without internet needs: no image more, none less."""

from __future__ import annotations

import pytest

from .render import CHART, Helm

pytestmark = pytest.mark.chart

ROOT = CHART.parents[1]
LIST = ROOT / "k8s" / "images.txt"


def test_the_list_holds_every_image_of_every_profile(helm: Helm) -> None:
    renders = [helm.render(), helm.render("minimal"), helm.render("production")]
    used = {container["image"] for r in renders for _, container in r.containers()}
    listed = LIST.read_text(encoding="utf-8").split()
    assert len(listed) == len(set(listed))
    assert used == set(listed)


def test_a_mirror_serves_every_image(helm: Helm) -> None:
    mirror = "registry.example.edu/sims"
    rendered = helm.render(values={"global": {"imageRegistry": mirror}})
    used = {container["image"] for _, container in rendered.containers()}
    listed = LIST.read_text(encoding="utf-8").split()
    assert used == {f"{mirror}/{image}" for image in listed}
