"""Backups of the one-machine installation: taken, proven, restored, taken back."""

from __future__ import annotations

import json

import pytest

from .conftest import Installation, eventually

pytestmark = pytest.mark.slow


def test_students_deleted_by_mistake_come_back(installation: Installation) -> None:
    installation.up()
    taken = installation.run("backup", "backup", "--prune", "--output", "json")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)["verified"] is True
    drilled = installation.run("backup", "drill", "--output", "json")
    assert drilled.returncode == 0, drilled.stderr
    assert json.loads(drilled.stdout)["passed"] is True
    (found,) = json.loads(installation.run("backup", "list", "--output", "json").stdout)["sets"]
    assert found["state"] == "verified"
    assert found["recovery_time"] > 0

    with installation.sign_in("admin") as admin:
        department = {"name": "After the backup", "code": "LATER"}
        made = admin.post("/api/academics/departments/", json=department)
        assert made.status_code == 201

        restored = installation.run("backup", "restore", "latest", "--confirm", "sims")
        assert restored.returncode == 0, restored.stderr
        gone = made.headers["Location"]
        assert admin.get(gone).status_code == 401, "this sign-in is younger than the backup"
        with installation.sign_in("admin") as again:
            assert again.get(gone).status_code == 404
            assert again.get("/api/students/").json()["count"] == 20

        undone = installation.run("backup", "undo", "--confirm", "sims")
        assert undone.returncode == 0, undone.stderr
        eventually("the newer data is back", lambda: admin.get(gone).status_code == 200)
