"""The memory that decoded images may take: a quarter of what this process can use."""

import contextlib
import math

import psutil

from aag_tf.data.images.base import Shape
from aag_tf.utils.cgroups import limit_files
from aag_tf.utils.errors import DataError
from aag_tf.utils.text import command_line


def usable_memory() -> int:
    """Returns the bytes that this process can use: the host's memory, or a control group's limit if that is lower."""
    limits = [psutil.virtual_memory().total]
    for path in limit_files("memory", "memory.max", "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # missing, or "max"
            limits.append(int(path.read_text()))
    return min(limits)


# Above this limit folders are decoded on every access, and other sources are refused.
MEMORY_LIMIT = usable_memory() // 4


def require_memory(name: str, count: int, shape: Shape) -> None:
    """Checks that decoded images fit into `MEMORY_LIMIT`.

    Args:
        name: name of the data set, for the message.
        count: number of images.
        shape: height, width and channels of an image.

    Raises:
        DataError: they take more.
    """
    needed = count * math.prod(shape)
    if needed > MEMORY_LIMIT:
        raise DataError(
            f"{name} needs {needed / 2**30:.1f} GiB at {'x'.join(map(str, shape))}, above the limit of "
            f"{MEMORY_LIMIT / 2**30:.1f} GiB; give a smaller --image_size, or pack it once with "
            f"`{command_line('aag-pack', f'--dataset={name}', '--output=packed')}` and use --dataset=pack:packed."
        )
