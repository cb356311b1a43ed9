"""What the processes of ``sims up`` are told, and where their secrets are."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime

from sims_cli.stack import secret_files
from sims_cli.stack.up_settings import LOOPBACK, UpSettings
from sims_cli.state import MARKER, State


def given(name: str, environ: Mapping[str, str]) -> str | None:
    """The value that the user set as ``NAME`` or ``NAME_FILE``; None when there is neither."""
    if value := environ.get(name):
        return value
    if path := environ.get(f"{name}_FILE"):
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 (an error names this very path)
            return file.read().rstrip("\n")
    return None


def write(state: State, settings: UpSettings, *, database_url: str, redis_url: str) -> None:
    """Puts the secrets into files and the settings into ``environment``."""
    secret_files.write(state.secrets / "database-url", database_url)
    secret_files.write(state.secrets / "redis-url", redis_url)
    key = given("SIMS_SECRET_KEY", os.environ)
    if key is None:
        secret_files.ensure(state.secrets / "secret-key")
    else:
        secret_files.write(state.secrets / "given-secret-key", key)
    _signing_pair(state)
    values = {
        "SIMS_DATABASE_URL_FILE": state.secrets / "database-url",
        "SIMS_REDIS_URL_FILE": state.secrets / "redis-url",
        "SIMS_SECRET_KEY_FILE": state.secrets
        / ("secret-key" if key is None else "given-secret-key"),
        "SIMS_MEDIA_DIR": state.media,
        **_own_signing_pair(state, os.environ),
        "SIMS_PUBLIC_URL": settings.public_url or settings.api_url,
        "SIMS_API_HOST": settings.api_host,
        "SIMS_API_PORT": settings.api_port,
        "SIMS_API_SIDE_HOST": LOOPBACK,
        "SIMS_API_SIDE_PORT": settings.api_side_port,
        "SIMS_WORKER_SIDE_HOST": LOOPBACK,
        "SIMS_WORKER_SIDE_PORT": settings.worker_side_port,
        "SIMS_SMTP_HOST": settings.smtp_host or LOOPBACK,
        "SIMS_SMTP_PORT": settings.smtp_port,
        "SIMS_MAIL_FROM": settings.mail_from,
        "SIMS_MAIL_DIR": state.mail,
        "SIMS_MAIL_PAGE_PORT": settings.mail_page_port,
    }
    text = "\n".join(f"{name}={shlex.quote(str(value))}" for name, value in values.items())
    secret_files.write(state.environment_file, text)


def _signing_pair(state: State) -> None:
    """The key that signs transcripts, made once: its documents say that they are none of an
    institution's."""
    key, certificate = state.secrets / "signing-key", state.secrets / "signing-certificate"
    if key.exists() and certificate.exists():
        return
    from sims_transcripts import signing  # noqa: PLC0415 (only the first start makes one)

    made = signing.self_signed("SIMS demonstration", now=datetime.now(UTC))
    for path, text in zip((key, certificate), made, strict=True):
        secret_files.write(path, text)


def _own_signing_pair(state: State, environ: Mapping[str, str]) -> dict[str, object]:
    """Where the pair is, unless the user has set another."""
    name = "SIMS_SIGNING_KEY"
    if name in environ or f"{name}_FILE" in environ:
        return {}
    return {
        "SIMS_SIGNING_KEY_FILE": state.secrets / "signing-key",
        "SIMS_SIGNING_CERTIFICATE_FILE": state.secrets / "signing-certificate",
    }


def of_children(state: State) -> dict[str, str]:
    """The user's environment, our settings over it, secrets only by file name, our marker."""
    ours = state.environment()
    plain = {name.removesuffix("_FILE") for name in ours if name.endswith("_FILE")}
    inherited = {name: value for name, value in os.environ.items() if name not in plain}
    return {**inherited, "SIMS_LOG_FORMAT": "json", **ours, MARKER: str(state.root)}
