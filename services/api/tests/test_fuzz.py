"""Generated requests, valid and not, against every operation of the OpenAPI document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from services.api.tests.conftest import Api

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

EXAMPLES = 12
UNTIMED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# A generated body may name a row that is not there or break a rule that no schema can say.
REFUSALS = {400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429}
Seen = defaultdict[int, set[str]]
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


def check(case: Any, headers: dict[str, str], seen: Seen) -> None:
    answer = case.call(headers=headers)
    seen[answer.status_code].add(f"{case.method} {case.path}")
    what = f"{case.method} {case.formatted_path} → {answer.status_code} {answer.content[:300]!r}"
    if answer.status_code < 300:
        case.validate_response(
            answer,
            checks=[
                schemathesis.checks.not_a_server_error,
                *(c for c in schemathesis.checks.CHECKS.get_all() if c.__name__ in CONFORMANCE),
            ],
        )
    else:
        assert answer.status_code in REFUSALS, what
        assert answer.headers["content-type"] == ["application/problem+json"], what
        assert answer.json().keys() >= PROBLEM, what


CONFORMANCE = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")


def fuzz(api: Api, role: str, mode: GenerationMode) -> Seen:
    """Calls every operation as ``role``; which of them answered with which status."""
    user = api.make.user(role)
    headers = {"Authorization": f"Bearer {api.token(user)}"}
    schema: Any = schemathesis.openapi.from_url(f"{api.url}/api/schema/")
    seen: Seen = defaultdict(set)
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.startswith("/api/auth/logout"):
            continue  # it would end the sign-in of all the others

        @UNTIMED
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Any) -> None:
            check(case, headers, seen)

        try:
            run()
        except Unsatisfiable:  # an operation without input has no malformed one
            assert mode is GenerationMode.NEGATIVE, operation.label
    return seen


@pytest.mark.parametrize("role", ["Admin", "Student"])
def test_no_generated_request_breaks_the_server_or_the_schema(
    start_api: Callable[..., Api], role: str
) -> None:
    api = start_api()
    seen = fuzz(api, role, GenerationMode.POSITIVE)
    assert seen[200]
    if role == "Admin":
        assert len(seen[201]) > 1
    else:  # students create nothing but the address of their own calendar
        assert seen[201] == {"POST /api/timetable/feed/"}
    assert max(seen) < 500


def test_no_malformed_request_breaks_the_server(api: Api) -> None:
    seen = fuzz(api, "Admin", GenerationMode.NEGATIVE)
    assert seen[400]
    assert max(seen) < 500
