"""``sims up`` on a terminal: the steps, then what one can do now."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from sims_cli import demo_passwords
from sims_cli.errors import Unsupported
from sims_cli.output import console
from sims_cli.progress import Steps
from sims_cli.stack.up import LocalStack
from sims_cli.stack.up_settings import LOOPBACK, UpSettings
from sims_cli.state import State, find
from sims_common.settings import load


def run_up(*, students: int, verbose: bool) -> None:
    if sys.platform not in ("linux", "darwin"):
        raise Unsupported(
            f"`sims up` runs on Linux and macOS, not on {sys.platform}."
            " On Windows use it inside WSL 2."
        )
    state, settings, out = find(), load(UpSettings), console()
    stack = LocalStack(state, settings, Steps(out), students=students, verbose=verbose)
    stack.run(lambda: _tell(out, state, settings))


def _tell(out: Console, state: State, settings: UpSettings) -> None:
    out.print()
    for name, url in _places(settings).items():
        out.print(Text.assemble((f"  {name:<12}", "bold"), url))
    logins = demo_passwords.read(state.demo_passwords)
    if logins:
        out.print(f"\n  Logins of this installation ({state.demo_passwords}):")
        for username, password in logins.items():
            out.print(Text.assemble("    ", (f"{username:<12}", "bold"), password))
        _suggest(out, settings, logins)
    out.print(f"\n  Logs: {state.logs}   Stop: Ctrl-C, or `sims down`\n")


def _places(settings: UpSettings) -> dict[str, str]:
    api = settings.api_url
    found = {
        "API": f"{api}/api/",
        "Swagger UI": f"{api}/api/docs/",
        "Health": f"{api}/api/health/",
        "Metrics": f"http://{LOOPBACK}:{settings.api_side_port}/metrics"
        f"  http://{LOOPBACK}:{settings.worker_side_port}/metrics",
    }
    if settings.catches_mail:
        found["Mails"] = settings.mail_page_url
    return found


def _suggest(out: Console, settings: UpSettings, logins: dict[str, str]) -> None:
    """Three commands to paste; one line each, so that the terminal does not break them."""
    api = settings.api_url
    login = f'{{"identifier":"registrar","password":"{logins.get("registrar", "…")}"}}'
    json, bearer = "Content-Type: application/json", "Authorization: Bearer $TOKEN"
    body = '{"student_id":1,"email":"you@example.org"}'
    commands = {
        "Log in as the registrar": (
            f"TOKEN=$(curl -s {api}/api/auth/login/ -H '{json}' -d '{login}'"
            """ | sed 's/.*"access":"\\([^"]*\\)".*/\\1/')"""
        ),
        "Find students": f"curl -s '{api}/api/students/?search=mbbs-2022' -H \"{bearer}\"",
        "Have a transcript mailed": (
            f"curl -s {api}/api/transcripts/enqueue/ -H '{json}' -H \"{bearer}\" -d '{body}'"
        ),
    }
    out.print("\n  Try next:")
    for what, command in commands.items():
        out.print(Text.assemble("    ", (f"# {what}", "dim")))
        out.print(Text(f"    {command}"), soft_wrap=True)
    if settings.catches_mail:
        out.print(Text(f"    … and read it at {settings.mail_page_url}", style="dim"))
