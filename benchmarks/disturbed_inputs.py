"""What runs read that are to be disturbed: images in memory, picture files, and packs."""

import subprocess
import sys
from pathlib import Path

from photographs import save_photographs

COUNT, WIDTH, HEIGHT = 1_824, 96, 72  # with a fifth and a tenth held out, ten batches of 128 are left
SIZE = 24  # of a view
SHARD_SIZE = 500


def data_flags(kind: str, folder: Path) -> list[str]:
    """Returns the flags of a run that name its images; files are made where they are not there yet.

    Args:
        kind: `digits` (in memory), or where pictures lie and how they become views: `jpeg`, `png`, `webp` (which Python
            decodes, and not TensorFlow), or `jpeg-pack` and so on for several shards of these; `cut` (each view out of
            the picture itself) or `scaled` (the whole picture to the size of a view first), as in `jpeg_cut`.
        folder: where files are made.
    """
    if kind == "digits":
        return ["--dataset=digits"]
    source, _, way = kind.partition("_")
    crop_from = {"cut": "source", "scaled": "image"}[way]
    return [f"--dataset={make(source, folder)}", f"--image_size={SIZE}", f"--crop_from={crop_from}"]


def make(source: str, folder: Path) -> str:
    """Makes the pictures of a source where they are not there yet; returns the value of `--dataset`."""
    place, (form, _, packed) = folder / source, source.partition("-")
    if packed:
        if not place.exists():
            command = [sys.executable, "-m", "aag_tf.commands.pack", f"--dataset={make(form, folder)}"]
            command += [f"--output={place}", f"--shard_size={SHARD_SIZE}"]
            subprocess.run(command, check=True, capture_output=True)
        return f"pack:{place}"
    if not place.exists():
        save_photographs(place, COUNT, WIDTH, HEIGHT)
        if form != "jpeg":
            _convert(place, f".{form}")
    return f"folder:{place}"


def _convert(folder: Path, suffix: str) -> None:
    """Makes files of another format of the JPEG files of a folder."""
    from PIL import Image

    for path in folder.rglob("*.jpg"):
        with Image.open(path) as picture:
            picture.save(path.with_suffix(suffix))
        path.unlink()
