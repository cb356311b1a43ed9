"""NOTES.txt: the report of what is missing, and its colours."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .modes import MODES
from .render import CHART, Helm, merged

pytestmark = pytest.mark.chart

README = (CHART / "README.md").read_text()


def _report(helm: Helm, *profiles: str, values: dict[str, Any] | None = None) -> dict[str, str]:
    """Subject → colour."""
    text = helm.render(*profiles, values=values, notes=True).text.partition("\nNOTES:\n")[2]
    lines = re.findall(r"^  (RED|AMBER|GREEN) +(\S+(?: \S+)*?)  +\S", text, re.MULTILINE)
    return {subject: colour for colour, subject in lines}


def test_an_installation_as_it_comes_is_not_ready_for_people(helm: Helm) -> None:
    assert _report(helm) == {
        "backups": "AMBER",
        "mail": "RED",
        "TLS": "AMBER",
        "database": "AMBER",
        "replicas": "AMBER",
        "monitoring": "AMBER",
        "institution": "AMBER",
        "signature": "AMBER",
        "verification": "AMBER",
        "network": "GREEN",
        "secrets": "GREEN",
    }


def test_what_is_weak_is_said(helm: Helm) -> None:
    values = {
        "smtp": {"host": "relay", "security": "none", "from": "SIMS <a@example.edu>"},
        "ingress": {"enabled": True, "host": "sims.example.edu"},
        "networkPolicy": {"enabled": False},
        "legacy": {"enableModules": True, "allowWrites": True},
    }
    found = _report(helm, values=values)
    assert found["mail"] == "AMBER"
    assert found["TLS"] == "RED"
    assert found["network"] == "RED"
    assert found["old modules"] == "AMBER"
    assert found["clients"] == "AMBER"


def test_what_is_well_is_green(helm: Helm) -> None:
    mail = {"smtp": {"from": "SIMS <a@example.edu>"}, "institution": {"name": "A College"}}
    seal = {"documents": {"existingSecret": "seal"}}
    found = _report(helm, values=merged(MODES["everything"], mail, seal))
    assert {s for s, colour in found.items() if colour == "GREEN"} == {
        *("mail", "TLS", "network", "secrets", "replicas", "monitoring"),
        *("signature", "verification"),
    }


def test_each_mending_command_is_one_that_the_chart_takes(helm: Helm) -> None:
    text = helm.render(notes=True).text
    paths = [
        p for line in re.findall(r"→ --set (\S+)", text) for p in re.findall(r"([\w.]+)=", line)
    ]
    assert len(paths) > 5
    for path in paths:
        assert f"| `{path}` |" in README, path
