"""`tar:<path>`: image files in uncompressed tar archives, as WebDataset writes them, or any tree of images.

- `<path>` is an archive, a folder of archives, a pattern (`shards/*.tar`) or a range (`shards/{000..011}.tar`).
- The name of an archive without its number is a folder around its files, so that `train-000.tar` and `val-000.tar` are
  splits, and folders inside an archive are read as those of `folder:`.
- A file of the same name with the suffix `.cls` (a number or a name) or `.json` (with `label`, `class` or `cls`) has
  the label of an image.
"""

import glob
import io
import os
import posixpath
import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from typing_extensions import override

from aag_tf.config import DataConfig
from aag_tf.data.files import pictures
from aag_tf.data.files.tar_members import TarMember
from aag_tf.data.layouts.links import Links
from aag_tf.data.layouts.listing import Found, Listing, arrange
from aag_tf.utils.errors import DataError, one_line
from aag_tf.utils.json_fields import parse_json
from aag_tf.utils.progress import progress_bar
from aag_tf.utils.stores import FRESH_SECONDS, fetched
from aag_tf.utils.text import command_line, shown

LARGEST_LABEL, LARGEST_JSON = 256, 2**20  # bytes that are read of a label
LARGEST_HEADER = 2**20 + tarfile.BLOCKSIZE  # bytes that are read at once
JSON_LABELS = ("label", "class", "cls", "class_name", "label_name", "category", "target")
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
MOST_SHARDS = 100_000
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class Shard(NamedTuple):
    """The images of one archive, and the labels beside them by the names of samples."""

    images: list[TarMember]
    names: list[str]
    labels: dict[str, str]


def list_tar(path: str, config: DataConfig) -> Listing:
    """Lists the images of archives in the order of their names; none is decoded.

    Raises:
        DataError: an archive is missing, compressed or broken, or there are no images.
    """
    archives = archive_paths(path)
    files: list[Found] = []
    labeled = False
    with progress_bar("listing archives", len(archives), "archive") as bar:
        for archive in archives:
            shard = read_shard(archive)
            folder = _without_number(archive.name)
            for member, name in zip(shard.images, shard.names, strict=True):
                files.append(Found(member, f"{folder}/{name}", shard.labels.get(sample_name(name))))
            labeled = labeled or bool(shard.labels)
            bar.update()
    if not files:
        raise DataError(
            f"tar:{path} has no image files; their names end in {', '.join(pictures.SUFFIXES[:6])} and the like."
        )
    return arrange(f"tar:{path}", files, config.layout, labeled=labeled)


def archive_paths(path: str) -> list[Path]:
    """Returns the archives that `tar:<path>` names, sorted.

    Raises:
        DataError: there are none.
    """
    written = fetched(path, fresh_seconds=FRESH_SECONDS)
    if written.is_file():
        return [written]
    if written.is_dir():
        found = sorted(written.glob("*.tar"))
    else:
        texts = _expanded(str(written))
        found = sorted({Path(each) for text in texts for each in ([text] if os.path.exists(text) else glob.glob(text))})
    if not found:
        raise DataError(
            f"tar:{path} names no archive; name a .tar file, a folder of them, or a pattern such as 'tar:shards/*.tar'."
        )
    return found


def read_shard(archive: Path) -> Shard:
    """Reads the table of contents of an archive, and its labels.

    Raises:
        DataError: it is compressed or broken.
    """
    refuse_compressed(archive)
    shard = _Contents(archive)
    try:
        with _Bounded(io.FileIO(archive)) as file, tarfile.open(fileobj=file, mode="r:", errorlevel=0) as tar:
            for member in tar:
                shard.add(tar, member)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{archive} cannot be read as a tar archive ({one_line(error)}); write it again.") from error
    shard.resolve_links()
    return Shard(list(shard.images.values()), list(shard.images), shard.labels)


class _Bounded(io.BufferedReader):
    """A file of which little is read at once: names and attributes in an archive may claim any length."""

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= LARGEST_HEADER:
            raise tarfile.ReadError("a header of more bytes than are read")
        return super().read(size)


class _Contents:
    """The table of contents of one archive, as it is read.

    Args:
        archive: the file.
    """

    def __init__(self, archive: Path) -> None:
        self.images: dict[str, TarMember] = {}
        self.labels: dict[str, str] = {}
        self._archive, self._size = archive, archive.stat().st_size
        self._names: set[str] = set()
        self._links: dict[str, str] = {}

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Takes note of an image, a label or a link; ignores everything else.

        Raises:
            DataError: the archive ends within it, or has it twice.
        """
        name = "/".join(step for step in member.name.split("/") if step not in ("", ".", ".."))
        hidden = any(step.startswith(".") for step in name.split("/")) or "__MACOSX" in name
        is_picture = not hidden and pictures.is_picture(os.path.basename(name))
        if (member.issym() or member.islnk()) and not hidden and (is_picture or not os.path.splitext(name)[1]):
            beside = posixpath.dirname(name) if member.issym() else ""
            self._links[name] = posixpath.normpath(posixpath.join(beside, member.linkname))
        if not member.isreg() or member.issparse() or "__MACOSX" in name:
            return
        if member.offset_data + member.size > self._size:
            raise DataError(f"{self._archive} is cut off within {shown(name)}; copy it again.")
        label = None if is_picture else _label_in(tar, member)
        if (is_picture or label is not None) and name in self._names:
            raise DataError(
                f"{self._archive} holds {shown(name)} twice, and which of them is meant cannot be told; write it again."
            )
        self._names.add(name)
        if is_picture:
            self.images[name] = TarMember(str(self._archive), name, member.offset_data, member.size)
        elif label is not None:
            self.labels.setdefault(sample_name(name), label)

    def resolve_links(self) -> None:
        """Makes images of the links to images of the archive; says which lead elsewhere."""
        folders = {str(folder) for name in self.images for folder in PurePosixPath(name).parents}
        others = Links(advice="write the files themselves into it, as tar --dereference --hard-dereference does")
        for name, first in self._links.items():
            target, seen = first, {name}
            while target in self._links and target not in seen:
                seen.add(target)
                target = self._links[target]
            found = self.images.get(target)
            if found is not None and pictures.is_picture(os.path.basename(name)):
                self.images.setdefault(name, TarMember(found.archive, name, found.offset, found.size))
            elif found is None and target not in folders:
                others.leave_out(name, first)
        others.report(str(self._archive), len(self.images))


def sample_name(name: str) -> str:
    """Returns the name that files of one sample share: up to the first dot of the file name, as WebDataset has it."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


def _label_in(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str | None:
    suffix = os.path.splitext(member.name)[1].lower()
    if suffix not in (".cls", ".json") or member.size > (LARGEST_JSON if suffix == ".json" else LARGEST_LABEL):
        return None
    file = tar.extractfile(member)
    text = b"" if file is None else file.read()
    if suffix == ".cls":
        return text.decode("utf-8", "replace").strip() or None
    try:
        content = parse_json(text)
    except ValueError:
        return None
    found = next((content[key] for key in JSON_LABELS if key in content), None) if isinstance(content, dict) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None


def refuse_compressed(archive: Path) -> None:
    """Checks that the images of an archive can be read one by one.

    Raises:
        DataError: it is compressed; the message has the command that unpacks it.
    """
    with archive.open("rb") as file:
        start = file.read(8)
    for mark, tool in COMPRESSED.items():
        if start.startswith(mark):
            unpacked = archive.with_name(re.sub(r"(\.tar)?(\.\w+)?$", "", archive.name) + "_unpacked.tar")
            command = f"{command_line(tool, '--decompress', '--stdout', archive)} > {command_line(unpacked)}"
            raise DataError(
                f"{archive} is compressed, so that its images cannot be read one by one; unpack it with `{command}` "
                f"and give {command_line(f'--dataset=tar:{unpacked}')}."
            )


def _expanded(text: str) -> list[str]:
    """Expands ranges such as `{000..011}`, as WebDataset does."""
    found = RANGE.search(text)
    if found is None:
        return [text]
    first, last = int(found[1]), int(found[2])
    if not 0 <= last - first < MOST_SHARDS:
        return [text]
    numbers = (str(number).zfill(len(found[1])) for number in range(first, last + 1))
    return [each for number in numbers for each in _expanded(text[: found.start()] + number + text[found.end() :])]


def _without_number(name: str) -> str:
    """Returns the name of an archive without suffix and number, as shards of one kind share it."""
    stem = name.removesuffix(".tar")
    return re.sub(r"[-_. ]*\d+(-of-\d+)?$", "", stem) or stem
