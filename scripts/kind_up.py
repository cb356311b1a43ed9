"""`make kind-up`: a kind cluster with SIMS in it, built from this checkout, filled and reachable.
With `--logins`: the demo users of that cluster and their passwords.

Every step may be repeated: what is there stays, what has changed is rolled out.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console

from sims_cli.progress import Steps

ROOT = Path(__file__).resolve().parent.parent
CLUSTER = os.environ.get("KIND_CLUSTER", "sims")
CONTEXT = f"kind-{CLUSTER}"
CONFIG = Path(os.environ.get("KIND_CONFIG", ROOT / "k8s" / "kind.yaml"))
NAMESPACE = "sims"
LOGINS = "sims-demo-logins"
STUDENTS = 50
API, MAIL = 30800, 30825
"""Node ports; k8s/kind.yaml says where this machine has them."""
OURS = ("sims-api", "sims-worker", "sims-backup-operator")
THEIRS = ("postgres:17", "valkey/valkey:8", "axllent/mailpit:v1.27", "versity/versitygw:v1.8.0")
TOOLS = {
    "docker": "https://docs.docker.com/engine/install/",
    "kind": "https://kind.sigs.k8s.io/",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "helm": "https://helm.sh/docs/intro/install/",
}


class Failed(Exception):
    """A command that ended badly; its last lines and what to do are in the text."""


def run(*command: str, stdin: str | None = None, advice: str = "") -> str:
    """The command's standard output. Raises ``Failed``."""
    done = subprocess.run(  # noqa: S603 (our own commands)
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return done.stdout
    said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-20:])
    raise Failed(f"{' '.join(command[:4])} … ended with {done.returncode}:\n{said}\n{advice}")


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    return run("kubectl", "--context", CONTEXT, *arguments, stdin=stdin)


def apply(resource: object) -> None:
    kubectl("apply", "--filename", "-", stdin=json.dumps(resource))


def check_tools() -> None:
    missing = [f"  {tool}: {where}" for tool, where in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        raise Failed("Not on the PATH:\n" + "\n".join(missing))
    run("docker", "info", advice="Start the Docker engine, or join the group that may use it.")


def make_cluster() -> str:
    if CLUSTER in run("kind", "get", "clusters").split():
        run("docker", "start", f"{CLUSTER}-control-plane")
        return "was there"
    run(
        *("kind", "create", "cluster", "--name", CLUSTER, "--config", str(CONFIG)),
        *("--wait", "120s"),
        advice="If a port is in use, end what uses it or set KIND_CONFIG to a copy of"
        " k8s/kind.yaml with other ports.",
    )
    return _version()


def _version() -> str:
    found = json.loads(kubectl("version", "--output", "json"))
    return f"Kubernetes {found['serverVersion']['gitVersion']}"


def tag_by_content() -> dict[str, str]:
    """Image → tag made of its content, so that a rebuilt image rolls the pods and others don't."""
    tags = {}
    for name in OURS:
        image = run("docker", "image", "inspect", "--format", "{{.Id}}", f"{name}:dev").strip()
        tags[name] = f"dev-{image.removeprefix('sha256:')[:12]}"
        run("docker", "tag", f"{name}:dev", f"{name}:{tags[name]}")
    return tags


def load_images(tags: dict[str, str]) -> str:
    """Those that the node does not have; a tag of ours stands for its content."""
    node = ("docker", "exec", f"{CLUSTER}-control-plane", "ctr", "--namespace", "k8s.io")
    there = {name.removeprefix("docker.io/") for name in run(*node, "images", "list", "-q").split()}
    known = {name.removeprefix("library/") for name in there}
    images = [*(f"{name}:{tag}" for name, tag in tags.items()), *THEIRS]
    missing = [image for image in images if image not in known]
    for image in missing:
        here = subprocess.run(  # noqa: S603
            ["docker", "image", "inspect", image],  # noqa: S607
            capture_output=True,
            check=False,
        )
        if here.returncode:
            run("docker", "pull", "--quiet", image)
    if missing:
        run("kind", "load", "docker-image", "--name", CLUSTER, *missing)
    return f"{len(missing)} of {len(images)} images"


def make_namespace() -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": NAMESPACE, "labels": labels}
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def make_neighbours() -> str:
    """A mail relay and an object store, as a college has them beside SIMS."""
    if not _there("secret", "versitygw", NAMESPACE):
        _secret("versitygw", NAMESPACE, {"access-key": "sims", "secret-key": secrets.token_hex(20)})
    for file in ("mailpit", "mailpit-nodeport", "versitygw"):
        kubectl("--namespace", NAMESPACE, "apply", "--filename", f"k8s/samples/{file}.yaml")
    for deployment in ("mailpit", "versitygw"):
        kubectl("-n", NAMESPACE, "rollout", "status", f"deploy/{deployment}", "--timeout=90s")
    return "mail relay, object store"


def install(tags: dict[str, str]) -> str:
    try:
        run(
            *("helm", "upgrade", "--install", "sims", "charts/sims", "--kube-context", CONTEXT),
            *("--namespace", NAMESPACE, "--values", "charts/sims/values-kind.yaml"),
            *("--set", f"api.image.tag={tags['sims-api']}"),
            *("--set", f"worker.image.tag={tags['sims-worker']}"),
            *("--set", f"backup.image.tag={tags['sims-backup-operator']}"),
            *("--wait", "--timeout", "5m"),
        )
    except Failed as error:
        pods = kubectl("-n", NAMESPACE, "get", "pods", "--output", "wide")
        events = kubectl("-n", NAMESPACE, "get", "events", "--sort-by=.lastTimestamp")
        last = "\n".join(events.splitlines()[-15:])
        raise Failed(f"{error}\n{pods}\n{last}") from None
    found = json.loads(
        run("helm", "list", "--kube-context", CONTEXT, "-n", NAMESPACE, "--output", "json")
    )
    return f"revision {found[0]['revision']}, namespace {NAMESPACE}"


def fill() -> str:
    """Demo data once; the logins it makes are kept in a Secret."""
    if _there("secret", LOGINS, NAMESPACE):
        return "was there"
    seed = ("sims", "seed", "--students", str(STUDENTS), "--output", "json")
    done = json.loads(kubectl("-n", NAMESPACE, "exec", "deploy/sims-api", "-c", "api", "--", *seed))
    logins = {user["username"]: user["password"] for user in done["users"]}
    if not all(logins.values()):
        return f"was there; no Secret {LOGINS}, so its logins are not known"
    _secret(LOGINS, NAMESPACE, logins)
    return f"{STUDENTS} students, {len(logins)} users"


def address(node_port: int) -> str:
    """Where this machine reaches a node port of the cluster."""
    mapped = run(
        *("docker", "port", f"{CLUSTER}-control-plane", f"{node_port}/tcp"),
        advice=f"The cluster was made without a mapping of port {node_port}: see {CONFIG}.",
    )
    return f"http://{mapped.split()[0]}"


def wait_healthy() -> str:
    url = f"{address(API)}/api/health/"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
                return str(json.load(answer)["version"])
        except (OSError, urllib.error.URLError):
            time.sleep(1)
    raise Failed(f"{url} does not answer, though the pods are ready. Is the port in use?")


def _there(kind: str, name: str, namespace: str) -> bool:
    return bool(kubectl("-n", namespace, "get", kind, name, "--ignore-not-found", "-o", "name"))


def _secret(name: str, namespace: str, values: dict[str, str]) -> None:
    """Goes by standard input, so that no value is in an argument."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata = {"name": name, "namespace": namespace}
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


END = """
  API         {api}/api/
  Swagger UI  {api}/api/docs/
  Health      {api}/api/health/
  Mails       {mail}

  Logins:   make kind-logins     (Secret {logins})
  Pods:     kubectl --context {context} -n {namespace} get pods
  Proof:    helm --kube-context {context} -n {namespace} test sims
  The end:  make kind-down
"""


def show_logins() -> None:
    found = json.loads(kubectl("-n", NAMESPACE, "get", "secret", LOGINS, "--output", "json"))
    for name, value in found["data"].items():
        sys.stdout.write(f"{name:<12} {base64.b64decode(value).decode()}\n")


def bring_up() -> None:
    steps = Steps(Console(highlight=False))
    began = time.monotonic()
    with steps.step("Tools"):
        check_tools()
    with steps.step("Images"):
        run(str(ROOT / "scripts" / "images.sh"), "dev")
        tags = tag_by_content()
    with steps.step("Cluster") as step:
        step.note = make_cluster()
    with steps.step("Images into it") as step:
        step.note = load_images(tags)
    with steps.step("Mail and storage") as step:
        make_namespace()
        step.note = make_neighbours()
    with steps.step("helm upgrade --install") as step:
        step.note = install(tags)
    with steps.step("Demo data") as step:
        step.note = fill()
    with steps.step("Health") as step:
        step.note = f"version {wait_healthy()}"
    sys.stdout.write(f"\nReady after {time.monotonic() - began:.0f} s.\n")
    sys.stdout.write(
        END.format(
            api=address(API),
            mail=address(MAIL),
            logins=LOGINS,
            context=CONTEXT,
            namespace=NAMESPACE,
        )
    )


def main() -> None:
    try:
        if sys.argv[1:] == ["--logins"]:
            show_logins()
        else:
            bring_up()
    except Failed as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
