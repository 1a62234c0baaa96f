"""Writes one shard: pictures are read and encoded by threads, and stored in the order of the source."""

import collections
import concurrent.futures
import contextlib
import hashlib
import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from array_record.python import array_record_module

from aag_tf.data.files.reasons import reason
from aag_tf.data.files.trying import quiet_decoders
from aag_tf.data.pack.manifest import Shard
from aag_tf.data.pack.records import write_record
from aag_tf.data.pack.shards import read_all
from aag_tf.data.pack.table import SCHEMA
from aag_tf.packing.forms import Form, Stored
from aag_tf.packing.items import Item
from aag_tf.utils.atomic import sync
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import PackError
from aag_tf.utils.text import printable

# Pictures do not compress again, and a group of one is read without its neighbors.
WRITER_OPTIONS = "group_size:1,uncompressed"
AHEAD = 4  # pictures for each thread that are read before they are written

Outcome = Stored | str  # or why it cannot be read


class ShardWriter:
    """Writes shards one after the other; a context manager.

    Args:
        form: what is stored of a picture.
        threads: number of threads; `None` for one a CPU core.
        verify: whether a shard is read again and compared.
        report: called with numbers of pictures, and of those among them that cannot be read.
    """

    def __init__(self, form: Form, threads: int | None, *, verify: bool, report: Callable[[int, int], None]) -> None:
        self._form, self._verify, self._report = form, verify, report
        self._threads = threads or os.cpu_count() or 1
        self.notes: collections.Counter[str] = collections.Counter()  # what was found odd, and how often
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> "ShardWriter":
        """Starts the threads."""
        self._closing.enter_context(warnings.catch_warnings())
        quiet_decoders()
        self._pool = concurrent.futures.ThreadPoolExecutor(self._threads)
        self._closing.callback(self._pool.shutdown, cancel_futures=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the threads."""
        self._closing.close()

    def write(self, path: Path, items: Iterable[Item]) -> tuple[Shard, pa.Table]:
        """Writes a shard under a hidden name, and renames it when it is whole and on the disk.

        Returns:
            The facts of the shard, and its rows of the table.

        Raises:
            PackError: the file does not hold what was written to it.
            OSError: it cannot be written.
        """
        hidden = path.with_name(f".{path.name}")
        hidden.unlink(missing_ok=True)
        rows: list[dict[str, Any]] = []
        skipped: dict[str, str] = {}
        written, size = hashlib.sha256(), 0
        with _writing(hidden) as write:
            for item, outcome in self._outcomes(items):
                self._report(1, int(isinstance(outcome, str)))
                name = printable(item.path)
                if isinstance(outcome, str):
                    skipped[name] = outcome
                    continue
                if outcome.note:
                    self.notes[outcome.note] += 1
                record = write_record(outcome.image, item.path, item.label)
                write(record)
                written.update(record)
                size += len(record)
                rows.append({"path": name, "label": item.label} | outcome._replace(image=b"")._asdict())
        sync(hidden)
        # The writer says nothing of a full disk.
        if hidden.stat().st_size < size or (self._verify and not _holds(hidden, len(rows), written.hexdigest())):
            raise PackError(f"{path} does not hold what was written to it; check the disk, and go on with --resume.")
        found = FileFacts.of(hidden)
        facts = Shard(len(rows), found.bytes, found.sha256, skipped)
        hidden.replace(path)
        sync(path.parent)
        return facts, pa.Table.from_pylist([{key: row[key] for key in SCHEMA.names} for row in rows], schema=SCHEMA)

    def _outcomes(self, items: Iterable[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Yields items with what is stored of them, in order; a few are worked on at a time."""
        remaining = iter(items)
        waiting: collections.deque[tuple[Item, concurrent.futures.Future[Outcome]]] = collections.deque()
        while True:
            for item in itertools.islice(remaining, self._threads * AHEAD - len(waiting)):
                waiting.append((item, self._pool.submit(self._convert, item)))
            if not waiting:
                return
            item, future = waiting.popleft()
            yield item, future.result()

    def _convert(self, item: Item) -> Outcome:
        try:
            return self._form(item.load())
        except PackError:
            raise
        except Exception as error:  # decoders raise many classes on broken files
            return reason(error)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[Callable[[bytes], object]]:
    path.touch()  # raises an OSError that says more than the writer's
    writer = array_record_module.ArrayRecordWriter(str(path), WRITER_OPTIONS)
    try:
        yield writer.write
        writer.close()
    except BaseException as error:
        with contextlib.suppress(RuntimeError):
            writer.close()
        path.unlink(missing_ok=True)
        if isinstance(error, RuntimeError):
            raise PackError(f"{path} cannot be written ({error}); check the disk, and go on with --resume.") from error
        raise


def _holds(path: Path, count: int, digest: str) -> bool:
    found = hashlib.sha256()
    try:
        for record in read_all(path, count):
            found.update(record)
    except (RuntimeError, ValueError):
        return False
    return found.hexdigest() == digest
