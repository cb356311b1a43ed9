"""What the mail catcher answers over HTTP: pages for people, JSON for curl and tests.

``GET /api/messages``, ``/api/messages/{id}``, ``/api/messages/{id}/raw``,
``/api/messages/{id}/attachments/{n}`` (``?download=1``); with faults allowed also
``GET``, ``PUT`` and ``DELETE /api/faults``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import TypeAdapter, ValidationError

from sims_cli.mail_catcher import pages
from sims_cli.mail_catcher.faults import Fault, Faults
from sims_cli.mail_catcher.parts import Attachment, split
from sims_cli.mail_catcher.store import Envelope, MailStore, parse

_FAULTS = TypeAdapter(list[Fault])
_SHOWN_INLINE = ("application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain")
_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
# A page may show itself and nothing else; a mail's HTML may not even do that.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'"
_MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class MailPages:
    """Turns a request into an answer; knows nothing of sockets."""

    def __init__(self, store: MailStore, faults: Faults, *, faults_allowed: bool) -> None:
        self._store = store
        self._faults = faults
        self._faults_allowed = faults_allowed

    def answer(self, method: str, target: str, body: bytes = b"") -> Answer:
        url = urlsplit(target)
        path = url.path.strip("/").split("/")
        if path == ["api", "faults"] and self._faults_allowed:
            return self._change_faults(method, body)
        if method != "GET":
            return problem(405, "Only GET is allowed here.")
        return self._get(path, query=url.query)

    def _get(self, path: list[str], *, query: str) -> Answer:
        match path:
            case [""]:
                return _page(pages.index(self._store.mails()))
            case ["healthz"]:
                return _json({"status": "ok"})
            case ["api", "messages"]:
                mails = [mail.model_dump(mode="json") for mail in self._store.mails()]
                return _json({"count": len(mails), "messages": mails})
            case ["api", "messages", id_, *rest] if mail := self._store.get(id_):
                return self._api_of_mail(mail, rest, download="download" in query)
            case ["messages", id_, *rest] if mail := self._store.get(id_):
                return self._page_of_mail(mail, rest)
            case _:
                api = path[0] == "api"
                return problem(404, "No such mail.") if api else _page(pages.not_found(), 404)

    def _page_of_mail(self, mail: Envelope, rest: list[str]) -> Answer:
        parts = split(parse(self._store.content(mail.id)))
        match rest:
            case []:
                return _page(pages.message(mail, parts))
            case ["html"] if parts.html is not None:
                policy = {"Content-Security-Policy": _MAIL_POLICY}
                return Answer(200, _HTML, parts.html.encode(), policy)
            case _:
                return _page(pages.not_found(), 404)

    def _api_of_mail(self, mail: Envelope, rest: list[str], *, download: bool) -> Answer:
        content = self._store.content(mail.id)
        match rest:
            case []:
                return _json(_described(mail, content))
            case ["raw"]:
                return Answer(200, "message/rfc822", content, _disposition(f"{mail.id}.eml"))
            case ["attachments", number]:
                for found in split(parse(content)).attachments:
                    if str(found.number) == number:
                        return _attachment(found, download=download)
            case _:
                pass
        return problem(404, "This mail has no such part.")

    def _change_faults(self, method: str, body: bytes) -> Answer:
        match method:
            case "PUT":
                try:
                    self._faults.set(_FAULTS.validate_json(body))
                except ValidationError as error:
                    found = error.errors(include_url=False, include_context=False)
                    return problem(400, "A list of faults is expected.", errors=found)
            case "DELETE":
                self._faults.set([])
            case _:
                pass
        return _json([fault.model_dump() for fault in self._faults.current()])


def _described(mail: Envelope, content: bytes) -> dict[str, Any]:
    message = parse(content)
    parts = split(message)
    return {
        **mail.model_dump(mode="json"),
        "headers": {name: str(value) for name, value in message.items()},
        "text": parts.text,
        "html": parts.html,
        "attachments": [
            {
                "number": a.number,
                "name": a.name,
                "content_type": a.content_type,
                "size": len(a.content),
                "url": f"/api/messages/{mail.id}/attachments/{a.number}",
            }
            for a in parts.attachments
        ],
    }


def _attachment(found: Attachment, *, download: bool) -> Answer:
    inline = found.content_type in _SHOWN_INLINE and not download
    kind = found.content_type if inline else "application/octet-stream"
    return Answer(200, kind, found.content, _disposition(found.name, inline=inline))


def _disposition(name: str, *, inline: bool = False) -> dict[str, str]:
    how = "inline" if inline else "attachment"
    return {"Content-Disposition": f"{how}; filename*=UTF-8''{quote(name, safe='')}"}


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, _JSON, json.dumps(value).encode())


def problem(status: int, detail: str, **extra: object) -> Answer:
    """A refusal as JSON."""
    return _json({"status": status, "detail": detail, **extra}, status)


def _page(text: str, status: int = 200) -> Answer:
    return Answer(status, _HTML, text.encode(), {"Content-Security-Policy": _PAGE_POLICY})
