"""Makes JPEG files that are as large and as busy as photographs: cuts of the two that scikit-learn has."""

import functools
import multiprocessing
import os
from pathlib import Path
from typing import Any

QUALITY = 90
AT_ONCE = 32  # files of a task of a process


def save_photographs(directory: Path, count: int, width: int, height: int) -> None:
    """Writes `count` different JPEG files of `width` x `height` pixels, by a process for each core.

    The same arguments give the same files. They lie in the sub-folders `a` and `b`.
    """
    for name in "ab":
        (directory / name).mkdir(parents=True, exist_ok=True)
    save = functools.partial(_save, str(directory), width, height)
    # Not forked, since the caller may have threads.
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), _load) as pool:
        pool.map(save, range(count), chunksize=AT_ONCE)


@functools.cache
def _load() -> list[Any]:
    from PIL import Image
    from sklearn.datasets import load_sample_images

    return [Image.fromarray(photograph) for photograph in load_sample_images().images]


def _save(directory: str, width: int, height: int, number: int) -> None:
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(number)
    photograph = _load()[number % 2]
    part = photograph.width * generator.uniform(0.7, 1.0)
    left = generator.uniform(0, photograph.width - part)
    tall = min(part * height / width, photograph.height)
    top = generator.uniform(0, photograph.height - tall)
    box = (left, top, left + part, top + tall)
    picture = photograph.resize((width, height), Image.Resampling.BICUBIC, box=box)
    picture.save(Path(directory, "ab"[number % 2], f"{number:06}.jpg"), quality=QUALITY)
