"""JSON from unknown sources, read with checks: whole files, lines of a list, and files that name their format."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from aag_tf.utils.digests import digest_of_json
from aag_tf.utils.errors import AagError, brief, one_line
from aag_tf.utils.json_fields import parse_json
from aag_tf.utils.stores import named

Record = TypeVar("Record")
MOST_BYTES = 256 * 2**20  # the manifest of a pack of a million shards; any other file is far smaller
FORMAT, FORMAT_VERSION, DIGEST = "format", "format_version", "sha256"  # keys


def read_json_object(path: str | os.PathLike[str], *keys: str) -> dict[str, Any]:
    """Returns the JSON object in a file.

    Args:
        path: the file.
        keys: names that the object must contain.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is larger than 256 MiB, not JSON, not an object, or lacks a key; the message says which.
    """
    with Path(path).open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 2**20} MiB")
    found = parse_json(content)
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    for key in keys:
        if key not in found:
            raise ValueError(f"it has no {key!r}")
    return found


def format_of(file: Path) -> str | None:
    """Returns the name of the format that a JSON file says it has; `None` where it says none or cannot be read."""
    try:
        found = read_json_object(file).get(FORMAT)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, str) else None


@dataclasses.dataclass(frozen=True)
class JsonFormat:
    """A kind of JSON file that names its format and the version of it.

    Args:
        name: of the format.
        version: the one that is written and read.
        command: the command that writes it.
        advice: what helps against a damaged file, such as `pack again with --overwrite`.
        error: class of the errors.
    """

    name: str
    version: int
    command: str
    advice: str
    error: type[AagError]

    @property
    def header(self) -> dict[str, Any]:
        """The entries of a file that name its format."""
        return {FORMAT: self.name, FORMAT_VERSION: self.version}

    def content(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the JSON object to write: the header, and the fields that are not `None`."""
        return self.header | {key: value for key, value in fields.items() if value is not None}

    def sealed(self, content: dict[str, Any]) -> str:
        """Returns the text of a file whose damage will be noticed: the JSON object, and a digest of it."""
        return json.dumps(content | {DIGEST: digest_of_json(content)}, indent=1) + "\n"

    def not_written(self, directory: str, missing: str) -> AagError:
        """Returns the error for a directory without a file of this format."""
        return self.error(
            f"{directory} was not written by {self.command} (it has no {missing}); name a directory that it wrote."
        )

    def read(self, file: Path, from_json: Callable[[dict[str, Any]], Record]) -> Record:
        """Reads a file, and compares it with its digest where it has one.

        Args:
            file: its path.
            from_json: makes the record of the JSON object; raises `ValueError` for a wrong one.

        Raises:
            AagError: of the class `error`: the file is missing or damaged, or another program or a version of another
                format wrote it.
        """
        try:
            content = read_json_object(file)
            if content.get(FORMAT) != self.name:
                raise self.error(f"{named(file)} was not written by {self.command}; name a directory that it wrote.")
            if (version := content.get(FORMAT_VERSION)) != self.version:
                raise self.error(
                    f"{named(file)} has format version {brief(version)} and this package reads "
                    f"{self.version}; {self.advice}, or install the package that wrote it."
                )
            digest = content.pop(DIGEST, None)  # earlier versions wrote none
            if digest is not None and digest != digest_of_json(content):
                raise ValueError("it is not as it was written")
            return from_json(content)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self.not_written(named(file.parent), file.name) from error
        except OSError as error:
            raise self.error(f"{named(file)} cannot be read ({error.strerror}); make it readable.") from error
        except (ValueError, RecursionError) as error:
            raise self.error(f"{named(file)} is damaged ({one_line(error, 200)}); {self.advice}.") from error
