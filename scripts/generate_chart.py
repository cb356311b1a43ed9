"""Makes the chart's README.md and values.schema.json from the comments in values.yaml.

    # -- A description, over several lines if need be.
    # @schema {"minimum": 1}
    replicas: 1

Types come from the defaults; every map is closed but for those whose default is empty or whose
``@schema`` says otherwise. A value without a comment takes that of its model (``MODELS``).
``--check`` writes nothing and fails when a file is not what it would be.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent.parent / "charts" / "sims"
MODELS = (
    ("worker.", "api."),
    ("postgresql.embedded.", "api."),
    ("redis.embedded.", "api."),
    ("backup.operator.", "api."),
    ("backup.jobs.", "api."),
    ("backup.", "api."),
    ("redis.", "postgresql."),
)
PLACE = "<!-- the values -->"
TYPES = {
    type(None): "null",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
}


@dataclass
class Value:
    """One key of values.yaml; ``path`` with dots."""

    path: str
    default: Any
    description: str
    extra: dict[str, Any]
    section: str
    children: list[Value] = field(default_factory=list)

    @property
    def is_group(self) -> bool:
        return bool(self.children)


class Reader:
    """Reads the keys of values.yaml with the comments above them."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._known: dict[str, Value] = {}
        self._section = "General"
        self.values = self._read(yaml.compose(text, Loader=yaml.SafeLoader), "")

    def _read(self, node: Any, prefix: str) -> list[Value]:
        found = []
        for key, content in node.value:
            path = f"{prefix}{key.value}"
            description, extra = self._comment(key.start_mark.line)
            value = self._value(path, content, description, extra)
            self._known[path] = value
            if isinstance(content, yaml.MappingNode) and content.value and not _is_free(value):
                value.children = self._read(content, f"{path}.")
            found.append(value)
        return found

    def _value(self, path: str, content: Any, description: str, extra: dict[str, Any]) -> Value:
        model = self._model(path)
        if model is not None:
            description, extra = description or model.description, extra or model.extra
        default = yaml.SafeLoader("").construct_object(content, deep=True)
        return Value(path, default, description, extra, self._section)

    def _model(self, path: str) -> Value | None:
        names = (other + path.removeprefix(own) for own, other in MODELS if path.startswith(own))
        return next((self._known[name] for name in names if name in self._known), None)

    def _comment(self, line: int) -> tuple[str, dict[str, Any]]:
        """The comment that ends above ``line``, which counts from 0."""
        first = line
        while first and self._lines[first - 1].lstrip().startswith("#"):
            first -= 1
        words: list[str] = []
        extra: dict[str, Any] = {}
        for raw in self._lines[first:line]:
            text = raw.lstrip().removeprefix("#").strip()
            if text.startswith("-- @section "):
                self._section = text.removeprefix("-- @section ")
            elif text.startswith("@schema "):
                extra = json.loads(text.removeprefix("@schema "))
            else:
                words.append(text.removeprefix("-- "))
        return " ".join(words), extra


def _is_free(value: Value) -> bool:
    """A map whose keys are the user's. ``global`` has some of ours besides."""
    return "additionalProperties" in value.extra and value.path != "global"


def schema(values: list[Value]) -> dict[str, Any]:
    """Closed but for ``global`` and ``enabled``, which umbrella charts set on their subcharts."""
    found = _object(values)
    found["properties"]["enabled"] = {"type": "boolean", "description": "For umbrella charts."}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "SIMS", **found}


def _object(values: list[Value]) -> dict[str, Any]:
    properties = {value.path.rpartition(".")[2]: _schema(value) for value in values}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _schema(value: Value) -> dict[str, Any]:
    about = {"description": value.description} if value.description else {}
    if value.is_group:
        return {**about, **_object(value.children), **value.extra}
    kind = "object" if isinstance(value.default, dict) else TYPES[type(value.default)]
    return {**about, "type": kind, **value.extra}


def leaves(values: list[Value]) -> Iterator[Value]:
    for value in values:
        if value.is_group:
            yield from leaves(value.children)
        else:
            yield value


def tables(values: list[Value]) -> str:
    """Markdown: a table for each section."""
    sections: dict[str, list[str]] = {}
    for value in leaves(values):
        default = json.dumps(value.default, ensure_ascii=False)
        row = f"| `{value.path}` | `{default}` | {value.description.replace('|', chr(92) + '|')} |"
        sections.setdefault(value.section, []).append(row)
    head = "| value | default | |\n|---|---|---|\n"
    return "\n\n".join(f"### {title}\n{head}" + "\n".join(rows) for title, rows in sections.items())


def files() -> dict[Path, str]:
    values = Reader((CHART / "values.yaml").read_text(encoding="utf-8")).values
    prose = (CHART / "README.in.md").read_text(encoding="utf-8")
    note = "<!-- Generated by `make generate-chart` from README.in.md and values.yaml. -->\n"
    return {
        CHART / "values.schema.json": json.dumps(schema(values), indent=2, ensure_ascii=False)
        + "\n",
        CHART / "README.md": note + prose.replace(PLACE, tables(values)),
    }


def main() -> int:
    stale = []
    for path, text in files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in sys.argv[1:]:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        print(f"{', '.join(stale)}: not what values.yaml says; run `make generate-chart`.")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
