"""Side effects as numbered steps.

Every change outside this process (file, object store, PostgreSQL) happens inside
``effect``. The crash tests observe the numbers and kill the process before or after
each of them; in normal runs nobody observes, and a step costs one addition.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

Edge = Literal["before", "after"]
Observer = Callable[[int, Edge, str, str], None]

_numbers = itertools.count(1)
_guard = threading.Lock()
_observers: list[Observer] = []


def observe(observer: Observer) -> None:
    """Calls ``observer(number, edge, kind, target)`` around every later effect."""
    _observers.append(observer)


@contextmanager
def effect(kind: str, target: str) -> Iterator[None]:
    """One side effect, such as ``effect("s3.put", key)``; a failure inside passes through."""
    if not _observers:
        yield
        return
    with _guard:
        number = next(_numbers)
    _tell(number, "before", kind, target)
    yield
    _tell(number, "after", kind, target)


def _tell(number: int, edge: Edge, kind: str, target: str) -> None:
    for observer in _observers:
        observer(number, edge, kind, target)
