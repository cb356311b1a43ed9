#!/usr/bin/env python3
"""Writes the chart's CustomResourceDefinitions from the operator's models; --check compares."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from sims_backup_operator.crds.schema import DEFINITIONS, crd

FOLDER = Path(__file__).parent.parent / "charts/sims/templates/crds"
HEAD = """\
{{- /* Made by `make generate` from sims_backup_operator.crds; don't edit. */ -}}
{{- if .Values.crds.enabled }}
"""
TAIL = "{{- end }}\n"
KEEP = """\
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
  labels:
    {{- include "sims.labels" (dict "ctx" $ "component" "backup-operator") | nindent 4 }}
"""


def text(body: dict[str, Any]) -> str:
    """The template of one definition. Braces of Go templates occur nowhere in a schema."""
    plain = yaml.safe_dump(body, sort_keys=False, width=100, allow_unicode=True)
    name = f"  name: {body['metadata']['name']}\n"
    if "{{" in plain or plain.count(name) != 1:
        raise SystemExit(f"{body['metadata']['name']}: can't be made a template")
    return HEAD + plain.replace(name, name + KEEP) + TAIL


def main() -> int:
    wanted = {f"{d.plural}.yaml": text(crd(d)) for d in DEFINITIONS}
    if "--check" in sys.argv[1:]:
        stale = [
            name
            for name, body in wanted.items()
            if not (FOLDER / name).is_file() or (FOLDER / name).read_text("utf-8") != body
        ]
        if stale:
            print(f"{', '.join(stale)}: differ from the models; run `make generate`")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, body in wanted.items():
        (FOLDER / name).write_text(body, "utf-8")
        print(FOLDER / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
