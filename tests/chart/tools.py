"""Programs that the chart's tests run: found on the PATH, else built into .tools/.

    python tests/chart/tools.py helm3 kube-score    # prints where they are

Versions are pinned: a newer linter must not fail an old commit.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".tools"


@dataclass(frozen=True)
class Tool:
    """``module`` is what `go install` builds; ``says`` must be in the version's output.

    ``package`` is Debian's; where there is one, unpacking it is quicker than building.
    """

    program: str
    module: str
    version_command: tuple[str, ...]
    says: str = ""
    package: str = ""


TOOLS = {
    "helm3": Tool("helm", "helm.sh/helm/v3/cmd/helm@v3.22.0", ("version",), '"v3.'),
    "helm4": Tool("helm", "helm.sh/helm/v4/cmd/helm@v4.3.1", ("version",), '"v4.'),
    "kubeconform": Tool(
        "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0", ("-v",)
    ),
    "kube-score": Tool(
        "kube-score", "github.com/zegl/kube-score/cmd/kube-score@v1.20.0", ("version",)
    ),
    "promtool": Tool(
        "promtool",
        "github.com/prometheus/prometheus/cmd/promtool@v0.316.0",
        ("--version",),
        package="prometheus",
    ),
}


class Missing(Exception):
    """The tool is not here and cannot be built; the text says what to install."""


def find(name: str) -> Path:
    """Where the tool is. Raises ``Missing``."""
    tool = TOOLS[name]
    FOLDER.mkdir(exist_ok=True)
    built = FOLDER / name
    with _alone(name):
        on_path = shutil.which(tool.program)
        if on_path and _is(tool, Path(on_path)):
            return Path(on_path)
        if not built.exists() and not (tool.package and _unpack(tool, built)):
            _build(name, tool, built)
    return built


def _unpack(tool: Tool, built: Path) -> bool:
    """The program from Debian's package, nothing installed; False where there is no such."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        for command in (
            ["apt-get", "download", "-q", tool.package],
            ["sh", "-c", "dpkg-deb -x ./*.deb ."],
        ):
            done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
            if done.returncode:
                return False
        (Path(folder) / "usr" / "bin" / tool.program).rename(built)
    return True


def _is(tool: Tool, path: Path) -> bool:
    said = subprocess.run(
        [path, *tool.version_command], capture_output=True, text=True, check=False
    )
    return said.returncode == 0 and tool.says in said.stdout


def _build(name: str, tool: Tool, built: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise Missing(
            f"{name} is not on the PATH, and Go is not here to build it. Install either:"
            f" https://go.dev/doc/install, or {tool.program} {tool.module.rpartition('@')[2]}."
        )
    sys.stderr.write(f"Building {tool.module} into {FOLDER} (once, some minutes)\n")
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        environment = {**os.environ, "GOBIN": folder, "CGO_ENABLED": "0"}
        done = subprocess.run(
            [go, "install", tool.module],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Missing(f"go install {tool.module} failed:\n{done.stderr[-2000:]}")
        (Path(folder) / tool.program).rename(built)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Test processes that run side by side build a tool once."""
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    try:
        for name in sys.argv[1:]:
            sys.stdout.write(f"{find(name)}\n")
    except Missing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
