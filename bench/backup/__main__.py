"""``python -m bench.backup``: the engine beside what the runbook does, in one run.

One PostgreSQL 17 with pgbench data and 20,000 media files on this machine. Every figure is
from a process of its own: wall time, CPU of it and its children, CPU of the server, peak
memory of its process tree, peak staging, size. The compared commands take turns in rounds;
the table has the median of each, ratios follow it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from bench.backup.measure import Bench, Figure, describe
from sims_backup.testing.s3 import HOW, S3Server, find_versitygw


def dumps(bench: Bench, number: int, bucket: str, remote: dict[str, str]) -> None:
    """All ways to dump, once; what round 0 wrote is kept for the restores."""
    tool, url, folder = bench.client.tool, bench.server.url("school"), bench.folder
    plain, custom = folder / "p.sql.gz", folder / "c.dump"
    directory, store = folder / f"d{number}", folder / f"store{number}"
    bare = f"{tool('pg_dump')} -Fd -j{bench.jobs} -Z zstd:1 -f {directory} {url}"
    bench.shell(f"bare: pg_dump -Fd -j{bench.jobs} zstd:1", bare, directory)
    bench.engine("ours: directory, local", str(store), "backup")
    unproven = {"SIMS_BACKUP_VERIFY": "false"}
    bench.engine("ours: directory, not read back", f"{store}-n", "backup", env=unproven)
    bench.engine("ours: directory, S3", f"s3://{bucket}/x{number}", "backup", env=remote)
    unsplit = {"SIMS_BACKUP_SPLIT_SIZE": str(1 << 50)}
    bench.engine("ours: directory, no split", f"{store}-u", "backup", env=unsplit)
    bench.shell("runbook: pg_dump -Fp | gzip", f"{tool('pg_dump')} {url} | gzip > {plain}", plain)
    bench.shell("runbook: pg_dump -Fc", f"{tool('pg_dump')} -Fc {url} > {custom}", custom)
    for made in (f"{store}-n", f"{store}-u", *((directory, store) if number else ())):
        shutil.rmtree(made)


def media(bench: Bench, bucket: str, remote: dict[str, str]) -> None:
    store = str(bench.folder / "store-m")
    bench.engine("ours: with media, local", store, "backup", media=True)
    bench.engine("ours: media again, local", store, "backup", media=True)
    bench.engine("ours: with media, S3", f"s3://{bucket}/m", "backup", media=True, env=remote)
    bench.engine("ours: media again, S3", f"s3://{bucket}/m", "backup", media=True, env=remote)


def restores(bench: Bench, bucket: str, remote: dict[str, str]) -> None:
    """All ways to restore, once, into a new database."""
    tool, folder = bench.client.tool, bench.folder
    store = str(folder / "store0")
    parallel = f"{tool('pg_restore')} -j{bench.jobs} -d {bench.fresh('r')} {folder / 'd0'}"
    bench.shell(f"bare: pg_restore -j{bench.jobs}", parallel)
    bench.server.drop("r")
    bench.engine("ours: restore, local", store, "restore", "latest", "--into", "r")
    bench.server.drop("r")
    bench.engine(
        "ours: restore, S3", f"s3://{bucket}/x0", "restore", "latest", "--into", "r", env=remote
    )
    bench.server.drop("r")
    bench.engine("ours: drill, local", store, "drill")
    psql = f"{tool('psql')} -X -q -v ON_ERROR_STOP=1 -d {bench.fresh('r')}"
    bench.shell("runbook: zcat | psql", f"zcat {folder / 'p.sql.gz'} | {psql} > {os.devnull}")
    serial = f"{tool('pg_restore')} -d {bench.fresh('r')} {folder / 'c.dump'}"
    bench.shell("runbook: pg_restore", serial)
    bench.server.drop("r")


def medians(figures: list[Figure]) -> dict[str, Figure]:
    """By name: median times, the largest memory and staging."""
    rounds: dict[str, list[Figure]] = {}
    for figure in figures:
        rounds.setdefault(figure.name, []).append(figure)
    return {
        name: replace(
            found[0],
            wall=statistics.median(f.wall for f in found),
            cpu=statistics.median(f.cpu for f in found),
            server_cpu=statistics.median(f.server_cpu for f in found),
            peak_memory=max(f.peak_memory for f in found),
            peak_staging=max(f.peak_staging for f in found),
        )
        for name, found in rounds.items()
    }


def ratios(found: dict[str, Figure]) -> dict[str, tuple[float, float]]:
    """Wall time and CPU (client and server) of the other divided by ours: above 1 is better."""
    bare_dump = next(name for name in found if name.startswith("bare: pg_dump"))
    bare_restore = next(name for name in found if name.startswith("bare: pg_restore"))
    local, remote = "ours: directory, local", "ours: directory, S3"
    pairs = [
        *((local, other) for other in ("runbook: pg_dump -Fp | gzip", "runbook: pg_dump -Fc")),
        *((remote, other) for other in ("runbook: pg_dump -Fp | gzip", bare_dump)),
        (local, bare_dump),
        ("ours: directory, not read back", bare_dump),
        (local, "ours: directory, no split"),
        *((f"ours: restore, {where}", "runbook: zcat | psql") for where in ("local", "S3")),
        *((f"ours: restore, {where}", "runbook: pg_restore") for where in ("local", "S3")),
        ("ours: restore, local", bare_restore),
    ]

    def compare(ours: Figure, other: Figure) -> tuple[float, float]:
        used, theirs = (f.cpu + f.server_cpu for f in (ours, other))
        return round(other.wall / ours.wall, 2), round(theirs / used, 2)

    return {f"{ours} / {other}": compare(found[ours], found[other]) for ours, other in pairs}


def report(bench: Bench, options: argparse.Namespace) -> None:
    found = medians(bench.figures)
    print("\nmedians")
    for figure in found.values():
        print(describe(figure))
    compared = ratios(found)
    print("\n  time     cpu")
    for name, (wall, cpu) in compared.items():
        print(f"{wall:6.2f}x {cpu:6.2f}x  {name}")
    if options.json:
        text = {
            "database_bytes": bench.database_size,
            "media_files": options.files,
            "jobs": options.jobs,
            "figures": [asdict(figure) for figure in bench.figures],
            "ratios": compared,
        }
        options.json.write_text(json.dumps(text, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=80, help="of pgbench; 80 is about 1.2 GB")
    parser.add_argument("--files", type=int, default=20_000, help="media files of 5 kB")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    binary = find_versitygw()
    if binary is None:
        sys.exit(HOW)
    folder = Path(tempfile.mkdtemp(prefix="sims-bench-"))
    folder.chmod(0o711)
    s3 = S3Server(binary, parent=str(folder))
    bench = Bench(options.scale, options.files, options.jobs, folder)
    remote = {
        "SIMS_S3_ENDPOINT": f"http://127.0.0.1:{s3.port}",
        "SIMS_S3_ACCESS_KEY_ID": s3.access,
        "SIMS_S3_SECRET_ACCESS_KEY": s3.secret,
    }
    try:
        bucket = s3.bucket()
        for number in range(options.rounds):
            dumps(bench, number, bucket, remote)
        media(bench, bucket, remote)
        for _ in range(options.rounds):
            restores(bench, bucket, remote)
    finally:
        bench.close()
        s3.stop()
        shutil.rmtree(folder, ignore_errors=True)
    report(bench, options)


if __name__ == "__main__":
    main()
