"""JSON schemas for kubeconform, strict, put together once in .tools/schemas/.

Kubernetes' own come from the package `kubernetes-validate`, those of custom resources from the
projects' Go modules: kubeconform would fetch both from the internet.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from .tools import FOLDER, Missing

SCHEMAS = FOLDER / "schemas"
REFERENCE = re.compile(r'"#/\$defs/([^"]+)"')
LOCATION = "{{ .NormalizedKubernetesVersion }}/{{ .ResourceKind }}{{ .KindSuffix }}.json"
CUSTOM = "custom/{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"

# Go module → files of its custom resource definitions that the chart uses.
DEFINITIONS = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "sigs.k8s.io/gateway-api@v1.4.0": (
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
}
"""``/``-separated paths in the module's source."""


def kubernetes(version: str) -> Path:
    """The folder for ``-schema-location`` with the schemas of ``version`` (1.31.0)."""
    folder = SCHEMAS / f"v{version}"
    with _alone():
        if not folder.exists():
            _write_kubernetes(version, folder)
    return SCHEMAS


def custom() -> Path:
    """The same for custom resources. Raises ``Missing`` without Go and the schemas."""
    folder = SCHEMAS / "custom"
    with _alone():
        if not folder.exists():
            _write_custom(folder)
    return SCHEMAS


def _write_kubernetes(version: str, folder: Path) -> None:
    source = _package() / f"v{version}-local-strict" / "_definitions.json"
    text = source.read_text().replace("/api/_definitions.json#/$defs/", "#/$defs/")
    definitions: dict[str, Any] = json.loads(text)["$defs"]
    with _filling(folder) as made:
        for name, definition in definitions.items():
            for kind in definition.get("x-kubernetes-group-version-kind", []):
                group = kind["group"].split(".")[0]
                words = [kind["kind"].lower(), group, kind["version"]]
                needed = {key: definitions[key] for key in _needed(name, definitions)}
                _write(
                    made / f"{'-'.join(filter(None, words))}.json",
                    {"$ref": f"#/$defs/{name}", "$defs": needed},
                )


def _needed(name: str, definitions: dict[str, Any]) -> set[str]:
    """The definitions that ``name`` refers to, directly or not."""
    found, waiting = set[str](), [name]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += REFERENCE.findall(json.dumps(definitions[key]))
    return found


def _write_custom(folder: Path) -> None:
    with _filling(folder) as made:
        for module, files in DEFINITIONS.items():
            source = _download(module)
            for file in files:
                definition = yaml.safe_load((source / file).read_text())["spec"]
                for version in definition["versions"]:
                    name = f"{definition['names']['kind'].lower()}_{version['name']}.json"
                    (made / definition["group"]).mkdir(exist_ok=True)
                    _write(
                        made / definition["group"] / name,
                        _closed(version["schema"]["openAPIV3Schema"]),
                    )


def _closed(schema: Any) -> Any:
    """Refuses fields that the API server would drop, and takes its own words for types."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(value) for key, value in schema.items()}
    if found.pop("x-kubernetes-int-or-string", False):
        found.pop("type", None)
        found["type"] = ["integer", "string"]
    open_ended = found.get("x-kubernetes-preserve-unknown-fields")
    if found.get("type") == "object" and "properties" in found and not open_ended:
        found.setdefault("additionalProperties", False)
    if found.get("type") == "object" and "kind" in found.get("properties", {}):
        found["properties"].setdefault("metadata", {})["additionalProperties"] = True
    return found


def _download(module: str) -> Path:
    go = shutil.which("go")
    if go is None:
        raise Missing("The schemas of custom resources come from Go modules: install Go.")
    done = subprocess.run(
        [go, "mod", "download", "-json", module], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Missing(f"go mod download {module} failed:\n{done.stderr or done.stdout}")
    return Path(json.loads(done.stdout)["Dir"])


@cache
def _package() -> Path:
    found = find_spec("kubernetes_validate")
    if found is None or found.origin is None:
        raise Missing("The package kubernetes-validate is not here: run `make test-chart`.")
    return Path(found.origin).parent / "kubernetes-json-schema"


def _write(path: Path, schema: Any) -> None:
    path.write_text(json.dumps(schema))


@contextmanager
def _filling(folder: Path) -> Iterator[Path]:
    """A folder that gets its name when it is whole."""
    made = folder.with_suffix(".new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    yield made
    made.rename(folder)


@contextmanager
def _alone() -> Iterator[None]:
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "schemas.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
