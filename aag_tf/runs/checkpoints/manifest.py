"""The manifest of a checkpoint: the size and digest of each file, to notice damage before anything is restored."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Self

from aag_tf.runs.run_directory import CHECKPOINT_MANIFEST
from aag_tf.utils.digests import FileFacts, digest_of_json
from aag_tf.utils.errors import brief, one_line
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import read_json_object

FORMAT = "aag_tf.checkpoint"
FORMAT_VERSION = 1
MANIFEST_FILE = CHECKPOINT_MANIFEST


class DamagedError(Exception):
    """A checkpoint is not as it was written; the message is a phrase that says what differs."""


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
        return json.dumps(facts | {"sha256": digest_of_json(facts)}, indent=1) + "\n"

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Reads the manifest of a checkpoint.

        Raises:
            DamagedError: it is missing, not as it was written, or of another format.
            OSError: it exists and cannot be read now.
        """
        try:
            facts = read_json_object(directory / MANIFEST_FILE, "sha256", "format", "format_version")
            digest = facts.pop("sha256")
            if digest != digest_of_json(facts):
                raise DamagedError(f"{MANIFEST_FILE} is not as it was written")
            if (facts["format"], facts["format_version"]) != (FORMAT, FORMAT_VERSION):
                found = f"{brief(facts['format'])} {brief(facts['format_version'])}"
                raise DamagedError(f"{MANIFEST_FILE} is of another format, {found}")
            return read_fields(cls, facts)
        except FileNotFoundError as error:
            raise DamagedError(f"{MANIFEST_FILE} is missing") from error
        except ValueError as error:
            raise DamagedError(f"{MANIFEST_FILE} is no manifest ({one_line(error, 200)})") from error

    def verify(self, directory: Path) -> None:
        """Compares every file with its facts.

        Raises:
            DamagedError: a file is missing, truncated or changed.
            OSError: a file exists and cannot be read now.
        """
        for name, expected in self.files.items():
            if fault := expected.fault(directory / name):
                raise DamagedError(f"{name} {fault}")
