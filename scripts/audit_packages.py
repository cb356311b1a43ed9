"""Asks pip-audit about every locked package, and says how many it could ask about.

pip-audit calls it a success when the index knows no advisories at all (a mirror, say);
a green line must not hide that.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main() -> int:
    """``argv[1]`` is the exported lock file; 1 when a package has a known vulnerability."""
    command = ["pip-audit", "--disable-pip", "--require-hashes", "--format=json", "--requirement"]
    done = subprocess.run(  # noqa: S603 (fixed program of this environment)
        [*command, sys.argv[1]], capture_output=True, text=True, check=False
    )
    if not done.stdout:
        sys.stderr.write(done.stderr)
        return 1
    packages = json.loads(done.stdout)["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    found = [(package, flaw) for package in packages for flaw in package.get("vulns", [])]
    for package, flaw in found:
        fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    print(f"{len(packages) - len(skipped)} of {len(packages)} packages audited, {len(found)} flaws")
    if skipped:
        print(
            f"WARNING: {len(skipped)} packages were not audited, for example:"
            f" {skipped[0]['skip_reason']}"
        )
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
