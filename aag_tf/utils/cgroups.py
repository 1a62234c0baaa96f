"""Limits of the control groups that this process is in, as those of a container or a cluster job; Linux only."""

import contextlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# Linux lists the control groups of a process, and their limits, here.
CGROUPS, CGROUP_ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def limit_files(controller: str, name: str, name_in_version_1: str) -> Iterator[Path]:
    """Yields the files of a limit of this process's control groups and of their parents, which need not exist.

    Args:
        controller: `memory` or `cpu`.
        name: of the file in version 2.
        name_in_version_1: of the file in version 1.
    """
    with contextlib.suppress(OSError):
        for line in CGROUPS.read_text().splitlines():
            _, controllers, group = line.split(":", 2)  # "0::/job" or "4:cpu,memory:/job"
            if not controllers:
                root, file = CGROUP_ROOT, name
            elif controller in controllers.split(","):
                root, file = CGROUP_ROOT / controller, name_in_version_1
            else:
                continue
            for part in (PurePosixPath(group), *PurePosixPath(group).parents):
                yield root / part.relative_to("/") / file
