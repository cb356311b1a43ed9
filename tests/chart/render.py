"""What `helm template` makes of the chart, as objects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[2] / "charts" / "sims"
POD_TEMPLATES = ("Deployment", "StatefulSet", "Job")

Object = dict[str, Any]


class RenderError(Exception):
    """What helm said."""


@dataclass(frozen=True)
class Rendered:
    text: str

    @property
    def objects(self) -> list[Object]:
        return [found for found in yaml.safe_load_all(self.text) if found]

    def of_kind(self, kind: str) -> dict[str, Object]:
        return {o["metadata"]["name"]: o for o in self.objects if o["kind"] == kind}

    def one(self, kind: str, name: str) -> Object:
        return self.of_kind(kind)[name]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """(name, {metadata, spec}) of everything that becomes a pod."""
        for found in self.objects:
            if found["kind"] in POD_TEMPLATES:
                yield found["metadata"]["name"], found["spec"]["template"]
            elif found["kind"] == "Pod":
                yield found["metadata"]["name"], found

    def containers(self) -> Iterator[tuple[str, Object]]:
        """(pod/container, container), init containers too."""
        for name, pod in self.pods():
            spec = pod["spec"]
            for container in [*spec.get("initContainers", []), *spec["containers"]]:
                yield f"{name}/{container['name']}", container


@dataclass(frozen=True)
class Helm:
    """One helm binary."""

    program: Path

    def render(
        self,
        *profiles: str,
        values: Mapping[str, Any] | None = None,
        release: str = "sims",
        namespace: str = "college",
        kubernetes: str = "1.36.0",
        notes: bool = False,
    ) -> Rendered:
        """``profiles``: names such as ``kind`` for values-kind.yaml; ``values`` win over them.

        Raises ``RenderError``.
        """
        command = [str(self.program), "install" if notes else "template", release, str(CHART)]
        command += ["--namespace", namespace]
        command += ["--dry-run=client"] if notes else ["--kube-version", kubernetes]
        for profile in profiles:
            command += ["--values", str(CHART / f"values-{profile}.yaml")]
        command += ["--values", "-"]
        done = subprocess.run(
            command,
            input=json.dumps(values or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RenderError(done.stderr)
        return Rendered(done.stdout)


def nested(path: str, value: Any) -> dict[str, Any]:
    """``nested("a.b", 1)`` is ``{"a": {"b": 1}}``."""
    for key in reversed(path.split(".")):
        value = {key: value}
    found: dict[str, Any] = value
    return found


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Maps merged as helm merges values: later ones win, maps deeply."""
    found: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            mine = found.get(key)
            deep = isinstance(mine, Mapping) and isinstance(value, Mapping)
            found[key] = merged(mine or {}, value) if deep else value
    return found
