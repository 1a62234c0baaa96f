"""Small made-up pictures and data sets."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SaveNoise = Callable[..., Path]


@pytest.fixture
def save_noise(tmp_path: Path) -> SaveNoise:
    """Writes a picture of noise below `tmp_path`, its folders included."""

    def save(name: str, size: tuple[int, int] = (12, 12), mode: str = "RGB", seed: int = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(noise).convert(mode).save(path)
        return path

    return save
