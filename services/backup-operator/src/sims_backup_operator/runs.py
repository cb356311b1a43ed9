"""How a Job went: from the Job, its pods, the outcome its container left, and its log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sims_backup.contract.events import Outcome, Progress, outcome_of, parse
from sims_backup.contract.exits import Exit
from sims_backup_operator.kube import Api, ApiError, Kind, NotThere, Object

State = Literal["absent", "waiting", "running", "succeeded", "failed"]

_TAIL = 60
_WITH_RESULT = {Exit.OK, Exit.INCOMPLETE_TARGETS, Exit.MEDIA_PROBLEMS}
_RETRY = {Exit.FAILED, Exit.BUSY, Exit.UNAVAILABLE, Exit.TERMINATED, Exit.INTERRUPTED}
_SIGNALS = 128


@dataclass(frozen=True)
class Run:
    """``exit_code`` is None when the container never ended by itself: lost, or still there."""

    state: State
    job_uid: str = ""
    pod: str = ""
    exit_code: int | None = None
    outcome: Outcome | None = None
    message: str = ""
    timed_out: bool = False

    @property
    def finished(self) -> bool:
        return self.state in {"succeeded", "failed"}

    @property
    def result(self) -> dict[str, Any] | None:
        return self.outcome.result if self.outcome else None

    @property
    def done(self) -> bool:
        """The verb did its work, perhaps with something to look at, and said what."""
        if not self.finished or self.outcome is None or self.result is None:
            return False
        disproven = self.exit_code == Exit.NOT_PROVEN and self.outcome.verb == "drill"
        return self.exit_code in _WITH_RESULT or disproven

    @property
    def may_retry(self) -> bool:
        """Lost, killed, or refused by something that may be back."""
        if self.timed_out:
            return False
        code = self.exit_code
        return code is None or code >= _SIGNALS or code in _RETRY or code == Exit.OK

    @property
    def reason(self) -> str:
        """One word for a status."""
        if self.timed_out:
            return "DeadlineExceeded"
        if self.exit_code is None:
            return "PodLost"
        try:
            return _camel(Exit(self.exit_code).name)
        except ValueError:
            return "Killed"

    @property
    def why(self) -> str:
        """One sentence for people."""
        if self.timed_out:
            return "the Job's deadline passed; see the log of its pod for the slow stage"
        if self.outcome is not None and self.outcome.message:
            return self.outcome.message
        if self.exit_code is None:
            return self.message or "the pod was deleted or lost before it ended"
        if self.exit_code >= _SIGNALS:
            return f"the container was killed (exit code {self.exit_code}); out of memory?"
        return self.message or f"exit code {self.exit_code}"


async def read_run(api: Api, job: Object | None) -> Run:
    """Reads the newest pod of the Job; a long result comes from its log."""
    if job is None:
        return Run("absent")
    name = job["metadata"]["name"]
    pods = [
        pod
        for pod in await api.list(Kind.POD, {"batch.kubernetes.io/job-name": name})
        if any(o["uid"] == job["metadata"]["uid"] for o in pod["metadata"]["ownerReferences"])
    ]
    run = judge(job, pods)
    complete = run.outcome is not None and not run.outcome.cut
    if not run.finished or complete or run.exit_code not in {*_WITH_RESULT, Exit.NOT_PROVEN}:
        return run
    try:
        whole = outcome_of(await api.log(run.pod)) if run.pod else None
    except NotThere:
        whole = None
    if whole is None:
        return run
    return Run(run.state, run.job_uid, run.pod, run.exit_code, whole, run.message)


async def read_progress(api: Api, run: Run) -> Progress | None:
    """The newest progress in the log of a running pod."""
    if run.state != "running" or not run.pod:
        return None
    try:
        text = await api.log(run.pod, tail=_TAIL)
    except ApiError:
        return None  # the next look comes in seconds; the run itself does not depend on it
    for line in reversed(text.splitlines()):
        event = parse(line)
        if isinstance(event, Progress):
            return event
    return None


def judge(job: Object, pods: list[Object]) -> Run:
    """Pure: the state of a Job that exists."""
    pod = max(pods, key=lambda p: str(p["metadata"].get("creationTimestamp", "")), default=None)
    uid = job["metadata"].get("uid", "")
    conditions = {
        c["type"]: c for c in job.get("status", {}).get("conditions") or [] if c["status"] == "True"
    }
    name = pod["metadata"]["name"] if pod else ""
    ended, waiting, started = _container(pod)
    text = str(ended.get("message") or "") if ended else ""
    code = ended.get("exitCode") if ended else None
    if "Complete" in conditions:
        return Run("succeeded", uid, name, 0 if code is None else code, outcome_of(text), text)
    if "Failed" in conditions:
        timed_out = conditions["Failed"].get("reason") == "DeadlineExceeded"
        lost = text or _pod_reason(pod) or str(conditions["Failed"].get("message") or "")
        return Run("failed", uid, name, code, outcome_of(text), lost, timed_out=timed_out)
    if started or ended:
        return Run("running", uid, name)
    return Run("waiting", uid, name, message=waiting or _pod_reason(pod))


def _container(pod: Object | None) -> tuple[Object | None, str, bool]:
    """What ended, why it waits, whether it runs."""
    statuses = (pod or {}).get("status", {}).get("containerStatuses") or []
    for status in statuses:
        state = status.get("state", {})
        if "terminated" in state:
            return state["terminated"], "", False
        if "waiting" in state:
            reason = state["waiting"].get("reason", "")
            detail = state["waiting"].get("message", "")
            return None, f"{reason}: {detail}" if detail else reason, False
        return None, "", "running" in state
    return None, "", False


def _pod_reason(pod: Object | None) -> str:
    """Evicted, unschedulable and the like."""
    status = (pod or {}).get("status", {})
    if status.get("reason"):
        return f"{status['reason']}: {status.get('message', '')}"
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return ""


def finished_at(job: Object) -> datetime | None:
    for condition in job.get("status", {}).get("conditions") or []:
        if condition["type"] in {"Complete", "Failed"} and condition["status"] == "True":
            return datetime.fromisoformat(condition["lastTransitionTime"])
    return None


def is_finished(job: Object) -> bool:
    return finished_at(job) is not None


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
