"""Folders of pictures small enough for a test, some of them broken."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 8
BROKEN = ("a/04.png", "b/07.png", "b/09.png")


def save_picture(path: Path, seed: int, side: int = SIDE) -> np.ndarray:
    """Writes a gray picture of noise that its seed tells from all others; returns it as uint8 [side, side, 1]."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels[..., np.newaxis]


def make_folder(root: Path, count: int = 12) -> dict[str, np.ndarray]:
    """Pictures in two sub-folders; `BROKEN` are cut off, empty and a text. Returns the others by path, sorted."""
    saved = {}
    for number in range(count):
        path = f"{'ab'[number % 2]}/{number:02}.png"
        saved[path] = save_picture(root / path, number)
    whole = (root / BROKEN[0]).read_bytes()
    for path, content in zip(BROKEN, (whole[: len(whole) // 2], b"", b"I am a text"), strict=True):
        (root / path).write_bytes(content)
        del saved[path]
    return dict(sorted(saved.items()))
