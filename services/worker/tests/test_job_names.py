"""The names that travel through the queue lead to callables here."""

from __future__ import annotations

import inspect
import uuid

import pytest
from rq.utils import import_attribute

from sims_core.jobs import JobName, function_path
from sims_worker import jobs


@pytest.mark.parametrize("name", list(JobName))
def test_each_job_name_is_a_callable_that_takes_the_outbox_id(name: JobName) -> None:
    found = import_attribute(function_path(name))

    assert found is getattr(jobs, name)
    (parameter,) = inspect.signature(found).parameters.values()
    assert parameter.annotation == "str"


@pytest.mark.parametrize("name", list(JobName))
def test_outside_of_the_worker_a_job_refuses_to_run(
    name: JobName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_installed", [])

    with pytest.raises(RuntimeError, match="inside sims-worker only"):
        getattr(jobs, name)(str(uuid.uuid4()))
