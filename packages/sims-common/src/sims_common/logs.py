"""JSON logs, one line an event; on a terminal the same events in colour.

Every line of a request carries its ``request_id``; a job and its mail carry the one of
the request that asked for them. Libraries that use the standard ``logging`` (uvicorn, rq,
sqlalchemy, alembic) come out in the same format.
"""

from __future__ import annotations

import logging
import sys
import uuid
from typing import TYPE_CHECKING, Any

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

from sims_common.settings import LogSettings

if TYPE_CHECKING:
    from structlog.typing import Processor

__all__ = ["bind_contextvars", "bound_contextvars", "configure", "get_logger", "request_id"]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def request_id() -> str:
    """The id bound to this request or job; a new one outside of both."""
    current = get_contextvars().get("request_id")
    return str(current) if current else uuid.uuid4().hex


def configure(settings: LogSettings, *, service: str) -> None:
    """Sends structlog and the standard library's logging to stderr in one format."""
    console = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.PositionalArgumentsFormatter(),
        _without_colours,
    ]
    last: list[Processor]
    if console:
        last = [structlog.dev.ConsoleRenderer()]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        shared.append(_name_service(service))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in ("uvicorn", "uvicorn.error", "rq.worker", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Ours has the route's template; uvicorn's has the query, and so whom somebody looked for.
    logging.getLogger("uvicorn.access").propagate = False
    logging.getLogger("alembic").setLevel(logging.WARNING)  # health asks it every two seconds


def _without_colours(_logger: Any, _method: str, event: Any) -> Any:
    """Uvicorn sends each message twice, once for terminals."""
    event.pop("color_message", None)
    return event


def _name_service(service: str) -> Processor:
    def add(_logger: Any, _method: str, event: Any) -> Any:
        event["service"] = service
        return event

    return add
