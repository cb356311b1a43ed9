"""The page behind the QR code: no script, no picture, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from sims_api.verification.schemas import COPIES, Verification

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--quiet:#57606a;--paper:#fff;--line:#d0d7de;
--good:#0b5d4a;--bad:#a40e26;--warn:#7a4d00}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9da7b1;--paper:#0d1117;
--line:#30363d;--good:#56d4a8;--bad:#ff8b94;--warn:#e3b341}}
*{box-sizing:border-box}
body{margin:0;font:1rem/1.5 Georgia,serif;color:var(--ink);background:var(--paper)}
main{max-width:38rem;margin:0 auto;padding:2rem 1.25rem}
h1{font-size:1.5rem;margin:0 0 1.5rem}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
.status{border:2px solid;border-radius:.4rem;padding:1rem;margin:0 0 1.5rem}
.status strong{display:block;font-size:1.3rem}
.valid{color:var(--good)}.expired,.superseded{color:var(--warn)}
.revoked,.altered,.unknown{color:var(--bad)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.35rem 1.25rem;margin:0}
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
.quiet{color:var(--quiet);font-size:.9rem}
form{border-top:1px solid var(--line);margin-top:2rem}
input,button{font:inherit;max-width:100%}
button{margin-top:.75rem;padding:.4rem 1rem;border:1px solid;border-radius:.3rem;
background:none;color:inherit;cursor:pointer}
:focus-visible{outline:3px solid var(--good);outline-offset:2px}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Robots-Tag": "noindex, nofollow",
}

_TITLES = {
    "valid": "Valid",
    "expired": "Expired",
    "revoked": "Revoked",
    "superseded": "Superseded",
    "altered": "Altered",
    "unknown": "Not found",
}


def page(found: Verification, zone: ZoneInfo) -> str:
    """The whole page; times are shown in ``zone``."""
    document = found.document
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{_TITLES[found.status]}: verification of a transcript</title>"
        f"<style>{_STYLE}</style></head><body><main>"
        "<h1>Verification of an academic transcript</h1>"
        f'<div class="status {found.status}" role="status"><strong>{_TITLES[found.status]}</strong>'
        f"{escape(found.reason)}</div>"
        f"{'' if document is None else _facts(found, zone)}"
        f"{'' if document is None else _form(found)}"
        "</main></body></html>"
    )


def _facts(found: Verification, zone: ZoneInfo) -> str:
    document = found.document
    if document is None:
        return ""
    facts = {
        "Issued by": document.institution,
        "Issued to": document.student_name,
        "Programme": document.program,
        "Issued on": _time(document.issued_at, zone),
        "Issued for": document.purpose,
        "Verifiable until": _time(document.expires_at, zone),
        "Reference": str(document.reference),
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return (
        f"<dl>{rows}</dl>"
        '<p class="quiet">Compare these with the document: the reference on its last page, the'
        " first letters of the name.</p>"
    )


def _form(found: Verification) -> str:
    checked = COPIES[found.copy_check] if found.copy_check else ""
    said = f'<p role="status"><strong>{escape(checked)}</strong></p>' if checked else ""
    return (
        '<form method="post" enctype="multipart/form-data"><h2>Is your copy unchanged?</h2>'
        f"{said}"
        '<p><label for="file">The PDF file as you received it. It is compared and not kept.'
        '</label></p><input type="file" id="file" name="file" accept="application/pdf" required>'
        '<br><button type="submit">Compare</button></form>'
    )


def _time(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M %Z}"
