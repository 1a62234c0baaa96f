"""Data sets of many channels and of 12 bits, made from the two photographs that scikit-learn ships."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image
from sklearn.datasets import load_sample_image

SIDE = 32
BANDS = 5
# Regions of the photographs by the class of their crops: photograph, rows, columns.
REGIONS = {
    "sky": ("china.jpg", slice(0, 90), slice(0, 640)),
    "palace": ("china.jpg", slice(150, 330), slice(100, 520)),
    "petals": ("flower.jpg", slice(90, 330), slice(180, 460)),
    "leaves": ("flower.jpg", slice(0, 427), slice(480, 640)),
}
EACH = 14  # crops of a region


def crops(shape: tuple[int, int] = (SIDE, SIDE), each: int = EACH) -> Iterator[tuple[str, int, npt.NDArray[np.uint8]]]:
    """Yields class, number and pixels, uint8 [*shape, 3], of crops at random places of every region."""
    rng = np.random.default_rng(0)
    for name, (photograph, rows, columns) in REGIONS.items():
        region = load_sample_image(photograph)[rows, columns]
        for number in range(each):
            top, left = (int(rng.integers(0, have - want + 1)) for have, want in zip(region.shape, shape, strict=False))
            yield name, number, region[top : top + shape[0], left : left + shape[1]]


def with_derived_bands(color: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Adds a near infrared, bright where green exceeds red, and the steepness of the luma: uint8 [h, w, 5]."""
    red, green, blue = np.moveaxis(color.astype(float), -1, 0)
    infrared = 60 + 1.5 * green - 0.9 * red
    steepness = 3 * np.hypot(*np.gradient(0.3 * red + 0.59 * green + 0.11 * blue))
    derived = np.stack([infrared, steepness], axis=-1)
    return np.concatenate([color, np.clip(derived, 0, 255).round().astype(np.uint8)], axis=-1)


def save_bands(folder: Path) -> tuple[Path, Path]:
    """Writes the five-band crops as TIFF files in folders of classes and, the same, as an npz archive."""
    images, labels = [], []
    for name, number, color in crops():
        image = with_derived_bands(color)
        path = folder / "tiffs" / name / f"{number:02}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, image, photometric="minisblack", planarconfig="contig")
        images.append(image)
        labels.append(sorted(REGIONS).index(name))
    np.savez(folder / "bands.npz", images=np.stack(images), labels=np.array(labels))
    return folder / "tiffs", folder / "bands.npz"


def twelve_bits(color: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """The luma of a crop with four bits below those of a byte, as a 12-bit camera has them: uint16 [h, w]."""
    luma = color.astype(float) @ [0.299, 0.587, 0.114]
    noise = np.random.default_rng(int(luma.sum())).uniform(-0.5, 0.5, luma.shape)
    return np.clip(np.round((luma + noise) * 16), 0, 4095).astype(np.uint16)


def save_twelve_bits(folder: Path, shape: tuple[int, int]) -> Path:
    """Writes wide 12-bit crops as 16-bit PNG files; every fifth is narrower, by columns that are cut off."""
    for name, number, color in crops(shape):
        picture = twelve_bits(color)
        picture[0, :2] = 0, 4095
        path = folder / "pngs" / name / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture if number % 5 else picture[:, : shape[1] // 2]).save(path)
    return folder / "pngs"
