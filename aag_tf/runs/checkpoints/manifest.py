"""The manifest of a checkpoint: the size and digest of each file, to notice damage before anything is restored."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Self

from aag_tf.runs.run_directory import CHECKPOINT_MANIFEST

FORMAT = "aag_tf.checkpoint"
FORMAT_VERSION = 1
MANIFEST_FILE = CHECKPOINT_MANIFEST


class DamagedError(Exception):
    """A checkpoint is not as it was written; the message is a phrase that says what differs."""


@dataclasses.dataclass(frozen=True)
class FileFacts:
    """Size and SHA-256 of a file, the latter as `sha256sum` prints it."""

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Computes the facts of a file."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(file.tell(), digest)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Step, accuracy and files of one checkpoint.

    Args:
        step: optimizer steps that its weights have seen.
        knn_accuracy: on held-out images at that step, in [0, 1]; `None` where it was not measured.
        files: facts of each file by its name.
    """

    step: int
    knn_accuracy: float | None
    files: dict[str, FileFacts]

    @classmethod
    def of(cls, directory: Path, step: int, knn_accuracy: float | None) -> Self:
        """Computes the manifest of the files in a directory."""
        return cls(step, knn_accuracy, {path.name: FileFacts.of(path) for path in sorted(directory.iterdir())})

    def to_json(self) -> str:
        """Returns the text of `manifest.json`, which includes a digest of itself."""
        facts: dict[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        return json.dumps(facts | {"sha256": _digest(facts)}, indent=1) + "\n"

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Reads the manifest of a checkpoint.

        Raises:
            DamagedError: it is missing, not as it was written, or of another format.
            OSError: it exists and cannot be read now.
        """
        try:
            facts = json.loads((directory / MANIFEST_FILE).read_bytes())
            digest = facts.pop("sha256")
        except FileNotFoundError as error:
            raise DamagedError(f"{MANIFEST_FILE} is missing") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(f"{MANIFEST_FILE} is no manifest") from error
        if digest != _digest(facts):
            raise DamagedError(f"{MANIFEST_FILE} is not as it was written")
        if (facts["format"], facts["format_version"]) != (FORMAT, FORMAT_VERSION):
            raise DamagedError(f"{MANIFEST_FILE} is of another format, {facts['format']} {facts['format_version']}")
        files = {name: FileFacts(**found) for name, found in facts["files"].items()}
        return cls(facts["step"], facts["knn_accuracy"], files)

    def verify(self, directory: Path) -> None:
        """Compares every file with its facts.

        Raises:
            DamagedError: a file is missing, truncated or changed.
            OSError: a file exists and cannot be read now.
        """
        for name, expected in self.files.items():
            try:
                size = (directory / name).stat().st_size
                if size != expected.bytes:
                    raise DamagedError(f"{name} has {size:,} of {expected.bytes:,} bytes")
                if FileFacts.of(directory / name) != expected:
                    raise DamagedError(f"{name} is not as it was written")
            except FileNotFoundError as error:
                raise DamagedError(f"{name} is missing") from error


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
