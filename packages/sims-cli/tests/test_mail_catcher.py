"""The mail catcher as a process: SMTP in, pages and JSON out, trouble on request."""

from __future__ import annotations

import http.client
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from sims_cli import web
from sims_cli.testing import eventually, free_port

SENDER, TO = "registrar@college.example", "student@college.example"


@dataclass
class Catcher:
    folder: Path
    smtp: int
    page: int
    process: subprocess.Popen[bytes]

    def connect(self, timeout: float = 20.0) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.smtp, timeout=timeout)

    def send(self, message: EmailMessage) -> None:
        with self.connect() as connection:
            connection.send_message(message)

    def ask(
        self, method: str, path: str, body: object = None, host: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.page, timeout=20)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {} if host is None else {"Host": host})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, headers, response.read()
        finally:
            connection.close()

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ask("GET", "/api/messages")[2])["messages"]
        return found

    def faults(self, *faults: dict[str, Any]) -> None:
        status, _, body = self.ask("PUT", "/api/faults", list(faults))
        assert status == 200, body


def start(folder: Path, **extra: str) -> Catcher:
    smtp, page = free_port(), free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sims_cli.mail_catcher"],
        env={
            **os.environ,
            "SIMS_MAIL_DIR": str(folder),
            "SIMS_SMTP_PORT": str(smtp),
            "SIMS_MAIL_PAGE_PORT": str(page),
            **extra,
        },
    )
    eventually(lambda: web.get(f"http://127.0.0.1:{page}/healthz", timeout=2).status == web.OK)
    return Catcher(folder, smtp, page, process)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catcher]:
    found = start(tmp_path_factory.mktemp("mail"), SIMS_MAIL_FAULTS="1")
    yield found
    found.process.terminate()
    assert found.process.wait(20) == 0


@pytest.fixture
def catcher(shared: Catcher) -> Catcher:
    """Without mails and without faults."""
    shared.faults()
    for path in shared.folder.iterdir():
        path.unlink()
    return shared


def mail(number: int = 1) -> EmailMessage:
    found = EmailMessage()
    found["From"], found["To"], found["Subject"] = SENDER, TO, "Transcript <b>ready</b>"
    found["Message-ID"] = f"<{number}@college.example>"
    found.set_content("Dear student,\n<script>alert(1)</script>\n")
    found.add_alternative("<p>Dear student <script>alert(2)</script></p>", subtype="html")
    found.add_attachment(
        b"%PDF-1.7 \x00\xff", maintype="application", subtype="pdf", filename="transcript.pdf"
    )
    return found


def test_a_mail_is_shown_as_json_with_its_attachment(catcher: Catcher) -> None:
    catcher.send(mail())
    (listed,) = catcher.messages()
    assert (listed["sender"], listed["recipient"]) == (SENDER, TO)
    assert (listed["subject"], listed["deliveries"]) == ("Transcript <b>ready</b>", 1)
    shown = json.loads(catcher.ask("GET", f"/api/messages/{listed['id']}")[2])
    assert shown["headers"]["Message-ID"] == "<1@college.example>"
    assert shown["text"].startswith("Dear student")
    (attachment,) = shown["attachments"]
    assert (attachment["name"], attachment["content_type"]) == ("transcript.pdf", "application/pdf")
    status, headers, body = catcher.ask("GET", attachment["url"])
    assert (status, headers["content-type"], body) == (200, "application/pdf", b"%PDF-1.7 \x00\xff")
    assert headers["content-disposition"].startswith("inline")
    _, headers, _ = catcher.ask("GET", f"{attachment['url']}?download=1")
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''transcript.pdf"
    raw = (catcher.folder / f"{listed['id']}.eml").read_bytes()
    assert catcher.ask("GET", f"/api/messages/{listed['id']}/raw")[2] == raw


def test_pages_show_nothing_of_a_mail_as_markup(catcher: Catcher) -> None:
    catcher.send(mail())
    id_ = catcher.messages()[0]["id"]
    for path in ("/", f"/messages/{id_}"):
        status, headers, body = catcher.ask("GET", path)
        assert status == 200
        assert b"<script" not in body
        assert b"Transcript &lt;b&gt;ready" in body
        assert "default-src 'none'" in headers["content-security-policy"]
    assert b'<iframe sandbox=""' in body
    _, headers, body = catcher.ask("GET", f"/messages/{id_}/html")
    assert b"<script>" in body  # as it came, but the browser may not run it:
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_what_is_not_there_is_404(catcher: Catcher) -> None:
    catcher.send(mail())
    id_ = catcher.messages()[0]["id"]
    for path in (
        "/messages/ffffffffffffffffffffffff",
        "/api/messages/../../etc/passwd",
        f"/api/messages/{id_}/attachments/1",
        f"/api/messages/{id_}/attachments/-1",
        f"/messages/{id_}/nothing",
        "/favicon.ico",
    ):
        assert catcher.ask("GET", path)[0] == 404, path
    assert catcher.ask("POST", "/api/messages")[0] == 405


def test_another_sites_name_does_not_reach_it(catcher: Catcher) -> None:
    assert catcher.ask("GET", "/", host="evil.example")[0] == 421
    assert catcher.ask("GET", "/", host=f"localhost:{catcher.page}")[0] == 200


def test_every_recipient_has_a_mail_and_repeats_are_counted(catcher: Catcher) -> None:
    with catcher.connect() as connection:
        for _ in range(2):
            connection.send_message(mail(), to_addrs=[TO, "parent@home.example"])
    found = sorted((m["recipient"], m["deliveries"]) for m in catcher.messages())
    assert found == [("parent@home.example", 2), (TO, 2)]


def test_an_accepted_mail_survives_kill_9(tmp_path: Path) -> None:
    first = start(tmp_path)
    first.send(mail())
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    second = start(tmp_path)
    try:
        second.send(mail())
        assert [m["deliveries"] for m in second.messages()] == [2]
    finally:
        second.process.terminate()
        second.process.wait()


def test_a_mail_that_cannot_be_kept_is_refused_for_now(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    found = start(blocked)
    try:
        with found.connect() as connection, pytest.raises(smtplib.SMTPDataError) as refused:
            connection.send_message(mail())
        assert refused.value.smtp_code == 451
    finally:
        found.process.terminate()
        found.process.wait()


def test_faults_must_be_allowed(tmp_path: Path) -> None:
    found = start(tmp_path)
    try:
        assert found.ask("PUT", "/api/faults", [])[0] == 405
        assert found.ask("GET", "/api/faults")[0] == 404
    finally:
        found.process.terminate()
        found.process.wait()


def test_a_wrong_fault_is_refused_and_says_why(catcher: Catcher) -> None:
    status, _, body = catcher.ask("PUT", "/api/faults", [{"stage": "nowhere", "action": "hang"}])
    assert status == 400
    assert json.loads(body)["errors"][0]["loc"] == [0, "stage"]


def test_refusals_at_each_stage(catcher: Catcher) -> None:
    refusals: list[tuple[str, int, type[smtplib.SMTPException]]] = [
        ("connect", 421, smtplib.SMTPConnectError),
        ("mail", 451, smtplib.SMTPSenderRefused),
        ("rcpt", 550, smtplib.SMTPRecipientsRefused),
        ("data", 554, smtplib.SMTPDataError),
    ]
    for stage, code, expected in refusals:
        catcher.faults({"stage": stage, "action": "reply", "code": code, "times": 1})
        with pytest.raises(expected, match=str(code)):
            catcher.send(mail())
        assert catcher.messages() == []
        assert json.loads(catcher.ask("GET", "/api/faults")[2]) == []
    catcher.send(mail())
    assert len(catcher.messages()) == 1


def test_a_fault_for_one_recipient(catcher: Catcher) -> None:
    fault = {"stage": "rcpt", "action": "reply", "code": 550, "recipient": "gone@home.example"}
    catcher.faults(fault)
    with catcher.connect() as connection:
        refused = connection.send_message(mail(), to_addrs=[TO, "gone@home.example"])
    assert refused == {"gone@home.example": (550, b"fault injected")}
    assert [m["recipient"] for m in catcher.messages()] == [TO]


def test_a_connection_that_breaks_before_or_after_the_mail_is_kept(catcher: Catcher) -> None:
    for stage, kept in (("data", 0), ("sent", 1)):
        catcher.faults({"stage": stage, "action": "drop", "times": 1})
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
            catcher.send(mail())
        eventually(lambda kept=kept: len(catcher.messages()) == kept)  # type: ignore[misc]
    catcher.send(mail())
    assert [m["deliveries"] for m in catcher.messages()] == [2]


def test_hanging_then_going_on(catcher: Catcher) -> None:
    catcher.faults({"stage": "data", "action": "hang", "seconds": 3600, "times": 1})
    connection = catcher.connect(timeout=0.5)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        connection.send_message(mail())
    connection.close()
    assert catcher.messages() == []
    catcher.faults({"stage": "data", "action": "hang", "seconds": 0.05, "times": 1})
    catcher.send(mail())
    assert len(catcher.messages()) == 1


def test_it_listens_on_this_machine_only(catcher: Catcher) -> None:
    with socket.socket() as probe:
        probe.settimeout(5)
        with pytest.raises(OSError):  # noqa: PT011 (refused or unreachable, by platform)
            probe.connect(("127.0.0.2", catcher.smtp))
