"""Settings from the environment and from files; a wrong one ends the process with advice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sims_common.settings import (
    DatabaseSettings,
    InstitutionSettings,
    LogSettings,
    SecuritySettings,
    load,
)

KEY = "k" * 32


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMS_SECRET_KEY", KEY)
    monkeypatch.setenv("SIMS_ACCESS_TOKEN_LIFETIME", "PT5M")
    found = load(SecuritySettings)
    assert found.secret_key.get_secret_value() == KEY
    assert found.access_token_lifetime == timedelta(minutes=5)


def test_a_file_holds_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://a:b@c/d\n")
    monkeypatch.setenv("SIMS_DATABASE_URL_FILE", str(secret))
    assert load(DatabaseSettings).database_url.get_secret_value() == "postgresql://a:b@c/d"
    assert "a:b" not in repr(load(DatabaseSettings))


def test_the_environment_goes_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("f" * 32)
    monkeypatch.setenv("SIMS_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("SIMS_SECRET_KEY", KEY)
    assert load(SecuritySettings).secret_key.get_secret_value() == KEY


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMS_SECRET_KEY_FILE", "/nowhere/key")
    with pytest.raises(SystemExit, match="SIMS_SECRET_KEY_FILE: cannot read /nowhere/key"):
        load(SecuritySettings)


def test_wrong_and_missing_values_are_named_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIMS_SECRET_KEY", "short")
    with pytest.raises(SystemExit) as ended:
        load(SecuritySettings)
    assert ended.value.code == 78
    said = capsys.readouterr().err
    assert "SIMS_SECRET_KEY: " in said
    assert "short" not in said.replace("too_short", "")
    monkeypatch.setenv("SIMS_TIME_ZONE", "Mars/Olympus")
    with pytest.raises(SystemExit):
        load(InstitutionSettings)
    assert "Asia/Karachi" in capsys.readouterr().err


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMS_LOG_LEVEL", raising=False)
    with pytest.raises(ValueError, match="frozen"):
        load(LogSettings).log_level = "DEBUG"  # type: ignore[misc]  # that is what is tested
