"""The memory that images may take, as a container's limit has it."""

import psutil

from aag_tf.data.images import memory
from aag_tf.utils import cgroups


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    def limit(file, text):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    monkeypatch.setattr(cgroups, "CGROUP_ROOT", tmp_path)
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path / "groups")
    whole = memory.usable_memory()
    assert whole == psutil.virtual_memory().total
    limit(tmp_path / "groups", "0::/jobs/7/step")
    limit(tmp_path / "jobs/7/step/memory.max", "max")
    assert memory.usable_memory() == whole
    limit(tmp_path / "jobs/7/memory.max", whole // 3)  # the job's, and not its step's
    limit(tmp_path / "jobs/8/memory.max", 1)  # somebody else's
    assert memory.usable_memory() == whole // 3
    limit(tmp_path / "groups", "9:cpu,memory:/\n8:pids:/jobs/8")  # version 1, in a container
    limit(tmp_path / "memory/memory.limit_in_bytes", whole // 4)
    assert memory.usable_memory() == whole // 4
