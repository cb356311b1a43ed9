"""What a registrar does, through the API: sign in, write, have a transcript mailed."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sims_common.errors import SimsError
from sims_core.domain.transcripts import ENDS, TranscriptState

ANSWER_TIMEOUT = 15.0  # seconds
POLL = 0.5  # seconds between two looks at a job


class SmokeFailed(SimsError):
    code = "SMOKE_FAILED"
    title = "SIMS does not do what it should"


@dataclass
class Visit:
    """One session at the API at ``url``. ``marker`` is in every name that it writes."""

    url: str
    marker: str
    _headers: dict[str, str] = field(default_factory=dict)
    student: int | None = None

    def healthy(self) -> str:
        report = self._ask("GET", "/api/health/")
        return f"version {report['version']}"

    def sign_in(self, password: str) -> str:
        body = {"identifier": self.marker, "password": password}
        tokens = self._ask("POST", "/api/auth/login/", body)["tokens"]
        self._headers["Authorization"] = f"Bearer {tokens['access']}"
        return f"as {self.marker}"

    def write(self) -> str:
        """A program and a student of it, read back."""
        program = self._ask("POST", "/api/academics/programs/", {"name": self.marker})
        student = self._ask(
            "POST",
            "/api/students/",
            {"reg_no": self.marker, "name": "Smoke Test", "program": program["id"]},
        )
        self.student = student["id"]
        found = self._ask("GET", f"/api/students/{self.student}/")
        if found["reg_no"] != self.marker:
            raise SmokeFailed(f"The student reads {found['reg_no']}, not {self.marker}.")
        return f"student {self.student}"

    def transcript(self, mail_to: str, *, seconds: float) -> str:
        """Raises ``SmokeFailed`` when it ends otherwise than sent, or not in time."""
        request = self._ask(
            "POST", "/api/transcripts/enqueue/", {"student_id": self.student, "email": mail_to}
        )
        end = time.monotonic() + seconds
        while (state := request["state"]) not in ENDS:
            if time.monotonic() > end:
                raise SmokeFailed(
                    f"The transcript is still {state} after {seconds:.0f} s. Look at the worker's"
                    " log, `sims rqstats` and the mail relay."
                )
            time.sleep(POLL)
            request = self._ask("GET", f"/api/transcripts/requests/{request['id']}/")
        if state != TranscriptState.SENT:
            raise SmokeFailed(f"The transcript to {mail_to} is {state}: {request['error']}")
        return f"mailed to {mail_to}"

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON; raises ``SmokeFailed`` on any other answer than a success."""
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_TIMEOUT)
        headers = {"Content-Type": "application/json", **self._headers}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise SmokeFailed(f"{self.url} does not answer: {error}") from error
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.MULTIPLE_CHOICES:
            raise SmokeFailed(f"{method} {path} answers {response.status}: {_reason(text)}")
        return json.loads(text)


def _reason(text: str) -> str:
    """What a problem document says, in one line; the text itself when it is none."""
    try:
        problem = json.loads(text)
        errors = [f"{e['pointer']} {e['message']}" for e in problem.get("errors") or []]
        return " ".join([problem["code"], problem["detail"], *errors])
    except (ValueError, KeyError, TypeError, AttributeError):
        return text[:300]
