"""The shipped alerts fire when they should and not when they should not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .alert_cases import CASES, Case
from .render import CHART, Helm
from .test_backup_alerts import NAMES as BACKUP
from .tools import find

pytestmark = pytest.mark.chart

NAMES = sorted(path.stem for path in (CHART / "files" / "alerts").glob("*.yaml"))
PAGES = CHART.parents[1] / "docs" / "alerts"
ON = {"monitoring": {"prometheusRule": {"enabled": True}}}


@pytest.fixture(scope="module")
def spec(helm: Helm) -> dict[str, Any]:
    found: dict[str, Any] = helm.render(values=ON).one("PrometheusRule", "sims-alerts")["spec"]
    return found


@pytest.fixture(scope="module")
def rules(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in spec["groups"] for rule in group["rules"]}


def test_each_file_is_one_alert_with_both_kinds_of_cases(rules: dict[str, Any]) -> None:
    assert sorted(rules) == NAMES
    assert {(case.alert, case.fires) for case in CASES} == {
        (name, fires) for name in set(NAMES) - BACKUP for fires in (True, False)
    }


def test_each_says_what_it_means_and_where_to_read_on(rules: dict[str, Any]) -> None:
    for name, rule in rules.items():
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}, name
        assert rule["labels"]["severity"] in {"critical", "warning"}, name
        assert rule["annotations"]["runbook_url"].endswith(f"/docs/alerts/{name}.md")
        assert "$$" not in str(rule), name
        page = (PAGES / f"{name}.md").read_text()
        for heading in ("## Meaning", "## Impact", "## Diagnosis", "## Mitigation"):
            assert heading in page, name


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.alert}-{c.fires}-{CASES.index(c)}")
def test_it_fires_when_it_should(
    spec: dict[str, Any], rules: dict[str, dict[str, Any]], case: Case, tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    test = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in case.series.items()],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}})',
                        "eval_time": f"{case.minute}m",
                        "exp_samples": [{"labels": "{}", "value": 1}] if case.fires else [],
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [find("promtool"), "test", "rules", "test.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert case.alert in rules


def test_an_alert_can_be_left_out(helm: Helm) -> None:
    off = {"monitoring": {"prometheusRule": {"enabled": True, "disabled": ["SimsQueueOld"]}}}
    spec = helm.render(values=off).one("PrometheusRule", "sims-alerts")["spec"]
    names = [rule["alert"] for group in spec["groups"] for rule in group["rules"]]
    assert names == [name for name in NAMES if name != "SimsQueueOld"]
