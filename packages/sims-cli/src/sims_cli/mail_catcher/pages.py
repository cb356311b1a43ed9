"""The pages of the mail catcher. Everything that a mail says is escaped or sandboxed."""

from __future__ import annotations

from html import escape

from sims_cli.mail_catcher.parts import Attachment, Parts
from sims_cli.mail_catcher.store import Envelope

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; }
h1 { font-size: 1.3rem; } a { color: #1a5fb4; } .muted { opacity: .7; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8884;
  overflow-wrap: anywhere; vertical-align: top; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8884; padding: .8rem; }
iframe { width: 100%; height: 24rem; border: 1px solid #8884; background: #fff; }
@media (prefers-color-scheme: dark) { a { color: #78aeed; } }
"""


def index(mails: list[Envelope]) -> str:
    rows = "".join(_row(mail) for mail in mails)
    empty = "<p class=muted>No mail yet. This page looks again every 5 seconds.</p>"
    table = (
        "<table><thead><tr><th>Received (UTC)<th>To<th>Subject<th>Deliveries</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
    head = '<meta http-equiv="refresh" content="5">'
    note = "<p class=muted>Mails end here; none leaves this machine. JSON: /api/messages</p>"
    return _page(f"Mail ({len(mails)})", note + (table if mails else empty), head=head)


def message(mail: Envelope, parts: Parts) -> str:
    facts = {
        "From": mail.sender,
        "To": mail.recipient,
        "Received": _time(mail),
        "Message-ID": mail.message_id or "none",
        "Deliveries": str(mail.deliveries),
    }
    header = "".join(f"<tr><th>{name}<td>{escape(value)}</tr>" for name, value in facts.items())
    body = [
        '<p><a href="/">All mails</a></p>',
        f"<table><tbody>{header}</tbody></table>",
        *_attachments(mail, parts.attachments),
    ]
    if parts.html is not None:
        source = f"/messages/{mail.id}/html"
        body.append(f'<h2>HTML</h2><iframe sandbox="" title="HTML body" src="{source}"></iframe>')
    if parts.text is not None:
        body.append(f"<h2>Text</h2><pre>{escape(parts.text)}</pre>")
    body.append(f'<p><a href="/api/messages/{mail.id}/raw">Source (.eml)</a></p>')
    return _page(mail.subject or "(no subject)", "".join(body))


def not_found() -> str:
    return _page("Not found", '<p>There is no such mail. <a href="/">All mails</a></p>')


def _row(mail: Envelope) -> str:
    again = f"{mail.deliveries}" if mail.deliveries > 1 else ""
    subject = escape(mail.subject or "(no subject)")
    return (
        f"<tr><td>{_time(mail)}<td>{escape(mail.recipient)}"
        f'<td><a href="/messages/{mail.id}">{subject}</a><td>{again}</tr>'
    )


def _attachments(mail: Envelope, attachments: list[Attachment]) -> list[str]:
    if not attachments:
        return []
    items = []
    for found in attachments:
        url = f"/api/messages/{mail.id}/attachments/{found.number}"
        size = f"{len(found.content):,} bytes, {escape(found.content_type)}"
        items.append(
            f'<li><a href="{url}">{escape(found.name)}</a> <span class=muted>{size}</span>'
            f' <a href="{url}?download=1">download</a></li>'
        )
    return ["<h2>Attachments</h2><ul>", *items, "</ul>"]


def _time(mail: Envelope) -> str:
    return mail.received_at.strftime("%Y-%m-%d %H:%M:%S")


def _page(title: str, body: str, *, head: str = "") -> str:
    name = escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"{head}<style>{_STYLE}</style></head><body><h1>{name}</h1>{body}</body></html>"
    )
