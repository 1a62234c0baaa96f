"""How much memory images may take: a quarter of what this process may hope for."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

from aag_tf.data.images import Shape
from aag_tf.utils.errors import DataError

# Where Linux says which control groups a process is in, and what each may take: a container, or a job of a cluster.
CGROUPS, CGROUP_ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def usable_memory() -> int:
    """Bytes that this process may hope for: the host's, or the limit of a control group where that is less."""
    limits = [psutil.virtual_memory().total]
    for path in _limit_files():
        with contextlib.suppress(OSError, ValueError):  # it is not there, or says "max"
            limits.append(int(path.read_text()))
    return min(limits)


def _limit_files() -> Iterator[Path]:
    """Files with the limits of this process's groups and of those that they are in, of versions 2 and 1."""
    with contextlib.suppress(OSError):
        for line in CGROUPS.read_text().splitlines():
            _, controllers, group = line.split(":", 2)  # "0::/job" or "4:cpu,memory:/job"
            if not controllers:
                root, name = CGROUP_ROOT, "memory.max"
            elif "memory" in controllers.split(","):
                root, name = CGROUP_ROOT / "memory", "memory.limit_in_bytes"
            else:
                continue
            for part in (PurePosixPath(group), *PurePosixPath(group).parents):
                yield root / part.relative_to("/") / name


# What decoded images may take of it; above, folders are read from disk and other sources refused.
MEMORY_LIMIT = usable_memory() // 4


def require_memory(name: str, count: int, shape: Shape) -> None:
    """Refuses images that would take more than `MEMORY_LIMIT`.

    Args:
        name: of the data set, for the message.
        count: how many images.
        shape: of each.

    Raises:
        DataError: they would.
    """
    needed = count * math.prod(shape)
    if needed > MEMORY_LIMIT:
        raise DataError(
            f"{name} needs {needed / 2**30:.1f} GiB at {'x'.join(map(str, shape))}, above the limit of "
            f"{MEMORY_LIMIT / 2**30:.1f} GiB; give a smaller --image_size, or save the images as files and "
            "use --dataset=folder:<path>."
        )
