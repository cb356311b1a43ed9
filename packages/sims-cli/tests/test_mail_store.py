"""Mails on disk: none accepted is lost, none is kept twice."""

from __future__ import annotations

import errno
import os
from email.message import EmailMessage
from pathlib import Path

import pytest

from sims_cli.mail_catcher import parts
from sims_cli.mail_catcher.store import MailStore, parse


def mail(subject: str = "Transcript", message_id: str = "<1@college.example>") -> EmailMessage:
    found = EmailMessage()
    found["Subject"], found["From"], found["To"] = subject, "a@b.example", "c@d.example"
    if message_id:
        found["Message-ID"] = message_id
    found.set_content("Dear student,\nattached.\n")
    return found


def test_the_same_mail_to_the_same_address_is_counted_not_kept_again(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    first = store.add("a@b.example", "C@d.example", bytes(mail()))
    again = MailStore(tmp_path).add("a@b.example", "c@D.example", bytes(mail("changed")))
    other = store.add("a@b.example", "e@d.example", bytes(mail()))
    assert (first.deliveries, again.deliveries, other.deliveries) == (1, 2, 1)
    assert again.id == first.id
    assert again.subject == "Transcript"
    assert {m.id for m in store.mails()} == {first.id, other.id}
    assert store.content(first.id) == bytes(mail())


def test_without_a_message_id_the_content_tells_mails_apart(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    store.add("a@b.example", "c@d.example", bytes(mail("one", "")))
    store.add("a@b.example", "c@d.example", bytes(mail("two", "")))
    store.add("a@b.example", "c@d.example", bytes(mail("two", "")))
    assert sorted((m.subject, m.deliveries) for m in store.mails()) == [("one", 1), ("two", 2)]


def test_everything_is_synced_before_it_counts_as_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def spy_fsync(descriptor: int) -> None:
        fsync(descriptor)
        events.append("sync folder" if Path(f"/dev/fd/{descriptor}").is_dir() else "sync file")

    def spy_replace(path: Path, target: Path) -> Path:
        events.append(f"rename {target.suffix}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_replace)
    MailStore(tmp_path).add("a@b.example", "c@d.example", bytes(mail()))
    assert events == [
        "sync file",
        "rename .eml",
        "sync folder",
        "sync file",
        "rename .json",
        "sync folder",
    ]


def test_a_crash_between_the_two_files_is_a_mail_not_yet_accepted(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    kept = store.add("a@b.example", "c@d.example", bytes(mail()))
    (tmp_path / f"{kept.id}.json").unlink()
    assert store.mails() == []
    assert store.add("a@b.example", "c@d.example", bytes(mail())).deliveries == 1


def test_a_full_disk_is_an_error_and_not_an_acceptance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    store = MailStore(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        store.add("a@b.example", "c@d.example", bytes(mail()))
    assert store.mails() == []


@pytest.mark.parametrize("id_", ["", "..", "../../etc/passwd", "0" * 23, "0" * 24, "x" * 24])
def test_an_id_is_no_path(tmp_path: Path, id_: str) -> None:
    assert MailStore(tmp_path).get(id_) is None


def test_parts_of_odd_mails() -> None:
    odd = b"Content-Type: text/plain; charset=klingon-8\n\nna\xefve"
    assert parts.split(parse(odd)).text == "na\ufffdve"
    outer = mail()
    outer.add_attachment(mail("inner"))
    outer.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="../t\u00e9.pdf")
    found = parts.split(parse(bytes(outer)))
    assert [a.content_type for a in found.attachments] == ["message/rfc822", "application/pdf"]
    assert b"Subject: inner" in found.attachments[0].content
    assert found.attachments[1].name == "../t\u00e9.pdf"
    assert found.attachments[1].content == b"%PDF-"
    assert parts.split(parse(b"")).attachments == []
