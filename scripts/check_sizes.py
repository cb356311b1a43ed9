"""Fails on a source file over the hard limit, lists those over the target.

A file that grows past the target is about two things; split it by what they are.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TARGET, LIMIT = 250, 400
CHECKED = (".py", ".ts", ".tsx", ".sh", ".tpl", ".typ")
GENERATED = ("generated/", "package-lock")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return [Path(line) for line in listed.stdout.splitlines()]


def main() -> int:
    sizes = [
        (len(path.read_text(encoding="utf-8").splitlines()), path)
        for path in tracked()
        if path.suffix in CHECKED and path.is_file() and not any(g in str(path) for g in GENERATED)
    ]
    large = sorted((size, path) for size, path in sizes if size > TARGET)
    for size, path in large:
        print(f"{'TOO LARGE' if size > LIMIT else 'over target'}: {path} {size} lines")
    print(f"{len(sizes)} files, {len(large)} over {TARGET} lines, limit {LIMIT}")
    return int(any(size > LIMIT for size, _ in large))


if __name__ == "__main__":
    sys.exit(main())
