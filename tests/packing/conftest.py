"""Folders of pictures in every form that a pack keeps, some broken, and packs of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aag_tf.config import DataConfig, PackConfig
from aag_tf.packing.pack import PackReport, pack
from aag_tf.utils.progress import no_progress

BROKEN = ("train/a/06.jpg", "train/b/05.png", "test/a/06.png")  # cut off, and texts


def save_picture(path: Path, seed: int, size: tuple[int, int] = (24, 20), gray: bool = False, **options) -> None:
    """Writes smooth noise that its seed tells from all others, so that JPEG keeps most of it."""
    noise = np.random.default_rng(seed).integers(0, 256, (5, 6) if gray else (5, 6, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path, **options)


def make_folder(root: Path) -> Path:
    """24 train and 9 test pictures of classes a and b: PNG and JPEG, one rotated by EXIF, one gray; `BROKEN` broken."""
    for number in range(24):
        path = root / "train" / "ab"[number % 2] / f"{number:02}.{'png' if number % 3 == 2 else 'jpg'}"
        exif = Image.Exif()
        if number == 3:
            exif[0x0112] = 6
        save_picture(path, number, gray=number == 4, **({"exif": exif} if path.suffix == ".jpg" else {}))
    for number in range(9):
        save_picture(root / "test" / "ab"[number % 2] / f"{number:02}.png", 100 + number)
    cut, *texts = [root / path for path in BROKEN]
    cut.write_bytes(cut.read_bytes()[:-40])
    for text in texts:
        text.write_bytes(b"I am a text")
    return root


def pack_to(output: Path, dataset: str, data: dict | None = None, **settings) -> PackReport:
    """Packs a data set in this process."""
    config = PackConfig(output=str(output), data=DataConfig(dataset=dataset, **data or {}), **settings)
    with no_progress():
        return pack(config)


def content(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def pixels(images):
    return images.numpy(np.arange(len(images)))


def same(first, second):
    """Whether two sources have the same images and labels in the same splits."""
    for role in ("train", "validation", "test"):
        one, other = getattr(first, role), getattr(second, role)
        assert (one is None) == (other is None), role
        if one is not None:
            np.testing.assert_array_equal(pixels(one.images), pixels(other.images))
            np.testing.assert_array_equal(one.labels, other.labels)
    return True


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures") / "folder")


@pytest.fixture(scope="session")
def packed(folder, tmp_path_factory) -> Path:
    """The folder, packed as it is in shards of 7."""
    output = tmp_path_factory.mktemp("packs") / "original"
    pack_to(output, f"folder:{folder}", shard_size=7)
    return output
