"""One JSON object a line, from our loggers and from the standard library's alike."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sims_common import logs
from sims_common.settings import LogSettings

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure(LogSettings(log_format="json"), service="test")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_says_when_what_who_and_for_which_request(lines: Lines) -> None:
    with logs.bound_contextvars(request_id="r-1"):
        logs.get_logger("sims.some").info("something happened", number=7)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "something happened",
        "level": "info",
        "logger": "sims.some",
        "number": 7,
        "request_id": "r-1",
        "service": "test",
    }


def test_libraries_come_out_in_the_same_form(lines: Lines) -> None:
    with logs.bound_contextvars(request_id="r-2"):
        logging.getLogger("uvicorn.error").warning("took %s", "long", extra={"color_message": "x"})
    (line,) = lines()
    assert line["event"] == "took long"
    assert line["level"] == "warning"
    assert line["request_id"] == "r-2"
    assert "color_message" not in line


def test_an_exception_is_one_line(lines: Lines) -> None:
    try:
        int("two\nlines")
    except ValueError:
        logs.get_logger("sims.some").exception("it failed")
    (line,) = lines()
    assert "ValueError: invalid literal" in line["exception"]


def test_what_is_below_the_level_is_not_written(lines: Lines) -> None:
    logs.get_logger("sims.some").debug("detail")
    assert lines() == []


def test_outside_of_a_request_each_id_is_new() -> None:
    assert logs.request_id() != logs.request_id()
    with logs.bound_contextvars(request_id="r-3"):
        assert logs.request_id() == "r-3"
