"""Real photographs from packages of PyPI and Debian, arranged as folders of classes with a held-out part.

    python benchmarks/source_crops_photographs.py cells runs/photographs/cells
    python benchmarks/source_crops_photographs.py landscapes runs/photographs/landscapes
    python benchmarks/source_crops_photographs.py camera runs/photographs/camera

`cells`: 2 624 gray pictures of solar cells under electroluminescence, 300x300 pixels, from the package `elpv-dataset`
1.0.0.post1 of PyPI (Deitsch et al., CC BY-NC-SA 4.0): mono- or polycrystalline, functional or defective (a probability
of a defect above one half, as its experts gave it). Every third of a class is held out; cells of one module may be on
both sides.

`landscapes`: 215 color photographs of landscapes, 720x360 pixels, from the package `endless-sky-data` 0.9.8-1.2 of
Debian 12, where they are backgrounds of a game (most in the public domain, some CC BY-SA; its file `copyright` has the
authors). Classes are those of the file names, joined to six; names that say no kind of landscape are left out. Every
second of a class is held out.

`camera`: the seven photographs of 3000x2000 pixels and more, as cameras took them, of the package
`lomiri-wallpapers-16.04` 20.04.0-2 of Debian 12 (CC BY 4.0, CC BY-SA 4.0 or CC0; the file names have the authors). No
classes, and none is held out.

Pictures are copied byte by byte, and the digest of all is checked.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

KINDS = {
    "city": ("city",),
    "water": ("beach", "sea", "water"),
    "mountains": ("hills", "mountain", "snow", "valley"),
    "arid": ("badlands", "canyon", "desert", "dune", "lava"),
    "green": ("fields", "forest"),
    "sky": ("fog", "sky"),
}
CLASSES = {name: kind for kind, names in KINDS.items() for name in names}
LANDSCAPES = "usr/share/games/endless-sky/images/land"
CAMERA = (
    "Bridge_by_Sander_Klootwijk",
    "Dragonfly_by_Bolly",
    "aitzgorri_by_Aitzol_Berasategi",
    "life_by_Aitzol_Berasategi",
    "picosdeeuropa_by_Aitzol_Berasategi",
    "seeding_by_Clements_Engelhardt",
    "sunset_by_Aitzol_Berasategi",
)

Labeled = Iterator[tuple[Path, str]]  # a picture and its class


class Photographs(NamedTuple):
    """A collection: how its package is fetched and read, which share is held out, and its digest.

    Args:
        fetch: a command that leaves the package in the working directory.
        read: unpacks the package in a directory; pictures with their classes.
        hold_out: every how manieth picture of a class is held out; 0 for none.
        digest: of the arranged folders, see `digest_of`.
    """

    fetch: tuple[str, ...]
    read: Callable[[Path], Labeled]
    hold_out: int
    digest: str


def read_cells(directory: Path) -> Labeled:
    """Unpacks the wheel; classes such as `poly_defective`."""
    (wheel,) = directory.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory)
    data = directory / "elpv_dataset" / "data"
    for line in (data / "labels.csv").read_text(encoding="utf-8").splitlines():
        name, defect, kind = line.split()
        yield data / name, f"{kind}_{'defective' if float(defect) > 0.5 else 'functional'}"


def read_landscapes(directory: Path) -> Labeled:
    """Unpacks the package; classes by the first word of the file's name."""
    unpack_debian(directory)
    for path in (directory / LANDSCAPES).glob("*.jpg"):
        name = re.match("[a-z]*", path.name)
        if name and name[0] in CLASSES:
            yield path, CLASSES[name[0]]


def read_camera(directory: Path) -> Labeled:
    """Unpacks the package; all in one class."""
    unpack_debian(directory)
    for name in CAMERA:
        yield directory / "usr/share/backgrounds" / f"{name}.jpg", "photographs"


def unpack_debian(directory: Path) -> None:
    """Unpacks the one package of Debian in a directory."""
    (package,) = directory.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=directory, check=True)


COLLECTIONS = {
    "cells": Photographs(
        (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "elpv-dataset==1.0.0.post1"),
        read_cells,
        3,
        "08ed4979c237d37a29842c65de184f5b6818b85fea8d5946827c9a96998367a1",
    ),
    "landscapes": Photographs(
        ("apt-get", "download", "--quiet", "endless-sky-data=0.9.8-1.2"),
        read_landscapes,
        2,
        "2470203d32823b23976c1a4330c1a0f8887b30da9024b60dfe202b6350579ff6",
    ),
    "camera": Photographs(
        ("apt-get", "download", "--quiet", "lomiri-wallpapers-16.04=20.04.0-2"),
        read_camera,
        0,
        "ec0be5af0b894c0d6442da4034876963b51cb09a876ce296d3092d673284311e",
    ),
}


def arrange(name: str, directory: Path) -> str:
    """Makes `directory/{train,test}/<class>/<picture>` unless it is there, and returns its digest.

    Raises:
        SystemExit: the package cannot be fetched, or its pictures are not those of `COLLECTIONS`.
    """
    wanted = COLLECTIONS[name]
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{name}-") as unpacked:
            fetched = subprocess.run(wanted.fetch, cwd=unpacked, check=False)
            if fetched.returncode != 0:
                raise SystemExit(f"{name}: {' '.join(wanted.fetch)} failed; see above, and try again.")
            made = Path(unpacked) / "arranged"
            copy_split(wanted.read(Path(unpacked)), made, wanted.hold_out)
            os.replace(made, directory)
    found = digest_of(directory)
    if found != wanted.digest:
        raise SystemExit(
            f"{directory} has other pictures (digest {found}) than {name} of this study ({wanted.digest}); remove it, "
            "and install the versions that benchmarks/source_crops_photographs.py names."
        )
    return found


def copy_split(pictures: Labeled, directory: Path, hold_out: int) -> None:
    """Copies pictures to `{train,test}/<class>`; in the order of its names, every `hold_out`-th of a class is test."""
    classes: dict[str, list[Path]] = {}
    for path, kind in pictures:
        classes.setdefault(kind, []).append(path)
    for kind, paths in classes.items():
        for number, path in enumerate(sorted(paths, key=lambda path: path.name), 1):
            held_out = hold_out and number % hold_out == 0
            place = directory / ("test" if held_out else "train") / kind
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)


def digest_of(directory: Path) -> str:
    """Returns the SHA-256 of the names below a directory and of their bytes."""
    found = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(directory).as_posix()}\n{path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=COLLECTIONS)
    parser.add_argument("directory", type=Path, help="folder to make")
    given = parser.parse_args()
    arrange(given.name, given.directory)


if __name__ == "__main__":
    main()
