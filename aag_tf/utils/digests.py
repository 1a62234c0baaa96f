"""Size and SHA-256 of files, noted when they are written, so that damage is noticed when they are read."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self


def digest_of_json(content: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of a JSON object, however it is indented and its keys are ordered."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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

    def fault(self, path: Path, *, full: bool = True) -> str | None:
        """Compares a file with these facts.

        Args:
            path: of the file.
            full: whether every byte is compared; otherwise what takes no time.

        Returns:
            What differs, as a phrase whose subject is the file; `None` if nothing does.

        Raises:
            OSError: the file exists and cannot be read now.
        """
        try:
            size = path.stat().st_size
            if size != self.bytes:
                return f"has {size:,} of {self.bytes:,} bytes"
            if full and FileFacts.of(path) != FileFacts(self.bytes, self.sha256):
                return "is not as it was written"
        except FileNotFoundError:
            return "is missing"
        return None


class DigestWriter:
    """Passes on what is written to a file, and digests it.

    Args:
        file: opened for writing, empty.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest, self._bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes | memoryview) -> int:
        """Writes bytes."""
        self._digest.update(data)
        self._bytes += len(data) if isinstance(data, bytes) else data.nbytes
        return self._file.write(data)

    @property
    def facts(self) -> FileFacts:
        """Of the file that holds what was written so far."""
        return FileFacts(self._bytes, self._digest.hexdigest())
