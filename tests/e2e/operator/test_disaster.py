"""The namespace is lost; what is left is the bucket."""

from __future__ import annotations

import time

from ..cluster import eventually
from .conftest import STORE, storage_spec
from .school import School


def test_everything_comes_back_from_the_bucket_alone(ready: School) -> None:
    school = ready
    prefix = school.cluster.get("sst", "s3", school.namespace)["spec"]["s3"]["prefix"]
    students = school.students()
    users = school.sql("SELECT md5(string_agg(u::text, '|' ORDER BY id)) FROM user_account u")
    school.media("mkdir -p /media/photos && echo precious > /media/photos/one.txt")
    school.backup("last")
    set_id = school.wait_phase("sbk", "last", "Completed")["setId"]

    school.cluster.delete_namespace(school.namespace)
    began = time.monotonic()
    school.install()
    school.give_credentials(STORE)
    school.make("BackupStorage", "s3", storage_spec(prefix))
    name = set_id.replace("_", "-")
    eventually("the set is found", lambda: school.cluster.has("sbk", name, school.namespace))
    source = {"storageRef": {"name": "s3"}, "latest": True}
    school.make("Restore", "all", {"mode": "Swap", "confirm": "sims", "source": source})
    status = school.wait_phase("srs", "all", "Completed", timeout=300)
    school.kubectl("rollout", "status", "deploy/sims-api", "--timeout=180s")
    print(f"lost to healthy: {time.monotonic() - began:.0f} s, restore {status['duration']}")  # noqa: T201  the measured time is the point

    assert school.students() == students
    restored = school.sql("SELECT md5(string_agg(u::text, '|' ORDER BY id)) FROM user_account u")
    assert restored == users
    assert school.media("cat /media/photos/one.txt") == "precious"
