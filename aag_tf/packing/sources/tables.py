"""`parquet:`: Parquet files, and the Arrow files that Hugging Face `datasets` saves, with a column of encoded pictures.

The picture is a column of bytes, or of `{bytes, path}` as Hugging Face has it; the label is a number or a text.
"""

import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from aag_tf.config import PackConfig
from aag_tf.data.layouts.links import Links
from aag_tf.data.layouts.walking import walk_files
from aag_tf.packing.items import Item, ItemSource
from aag_tf.packing.sources.counted_files import CountedFiles
from aag_tf.packing.sources.file_splits import files_by_split
from aag_tf.packing.sources.labels import IMAGE_NAMES, LABEL_NAMES, NO_LABELS, Labels
from aag_tf.utils.errors import DataError, PackError
from aag_tf.utils.json_fields import parse_json
from aag_tf.utils.paths import matching
from aag_tf.utils.stores import FRESH_SECONDS, fetched
from aag_tf.utils.text import shown

SUFFIXES = (".parquet", ".arrow")
ROWS_AT_ONCE = 16  # pictures in memory beside those that threads work on
BROKEN = (OSError, pa.ArrowException)


class TableItems(ItemSource):
    """The pictures of tables.

    Args:
        dataset: value of `--dataset`.
        files: of each split, with their numbers of rows.
        image: name of the column of pictures.
        labels: how a value of the label's column becomes a number; without names where there is none.
    """

    def __init__(self, dataset: str, files: dict[str, dict[str, tuple[int]]], image: str, labels: Labels) -> None:
        self._dataset, self._image, self._labels = dataset, image, labels
        self._files = CountedFiles(files)

    @property
    @override
    def facts(self) -> dict[str, Any]:
        digest = self._files.digest(self._image, self._labels.names, self.class_names)
        return {"dataset": self._dataset, "digest": digest}

    @property
    @override
    def splits(self) -> Mapping[str, int]:
        return self._files.splits

    @property
    @override
    def class_names(self) -> list[str] | None:
        return self._labels.class_names

    @property
    @override
    def size(self) -> int:
        return self._files.size

    @override
    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        columns = [self._image, *self._labels.names]
        for path, first, last in self._files.parts(split, start, stop):
            name = self._files.names[path]
            try:
                for number, row in zip(range(first, last), _rows(Path(path), columns, first), strict=False):
                    label = None if len(row) == 1 else self._labels.number(row[1])
                    yield Item(f"{name}#{number}", label, functools.partial(_picture, row[0]))
            except BROKEN as error:
                raise PackError(f"{path} can no longer be read ({type(error).__name__}); restore it.") from error


def open_tables(rest: str, config: PackConfig) -> TableItems:
    """Opens Parquet or Arrow files, and looks at their columns and labels.

    Raises:
        DataError: no file matches, one cannot be read, or there is no column of pictures.
    """
    path = fetched(rest, fresh_seconds=FRESH_SECONDS).absolute()
    if path.is_dir():
        links = Links(advice="name files behind them by a pattern, as parquet:'DIR/*/*.parquet'")
        paths = [os.path.join(path, below) for below in walk_files(path, SUFFIXES, links)]
    else:
        paths = [str(path)] if path.is_file() else matching(str(path))
    # Hugging Face keeps results of computations beside a saved data set.
    paths = [each for each in paths if not os.path.basename(each).startswith(("cache-", "."))]
    if not paths:
        raise DataError(
            f"--dataset={config.data.dataset} matches no Parquet or Arrow file; name a file, a pattern with * or ?, or "
            "a folder that has some."
        )
    files = {split: {each: (_count(Path(each)),) for each in own} for split, own in files_by_split(paths).items()}
    schema = _schema(Path(paths[0]))
    image = _column(schema, config.image_feature, IMAGE_NAMES)
    if image is None:
        wanted = config.image_feature or " or ".join(IMAGE_NAMES[1:3])
        raise DataError(
            f"{paths[0]} has no column {wanted}, only {', '.join(schema.names[:20])}; name that of the pictures with "
            "--image_feature."
        )
    label = None if config.label_feature == NO_LABELS else _column(schema, config.label_feature, LABEL_NAMES)
    if config.label_feature not in (None, NO_LABELS) and label is None:
        raise DataError(
            f"{paths[0]} has no column {config.label_feature}, only {', '.join(schema.names[:20])}; name another with "
            "--label_feature."
        )
    labels = Labels((label,) if label else (), _class_names(schema, label))
    if label is not None and _is_text(schema.field(label).type):
        for each in (path for part in files.values() for path in part):
            for row in _rows(Path(each), [label], 0):
                labels.see(row[0])
        labels.finish()
    return TableItems(config.data.dataset, files, image, labels)


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _rows(path: Path, columns: list[str], start: int) -> Iterator[tuple[Any, ...]]:
    """Yields the values of columns from a row on."""
    for batch in _batches(path, columns, start):
        for begin in range(0, batch.num_rows, ROWS_AT_ONCE):
            part = batch.slice(begin, ROWS_AT_ONCE)
            yield from zip(*(part.column(name).to_pylist() for name in columns), strict=True)


def _batches(path: Path, columns: list[str], start: int) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".arrow":
        for batch in _stream(path):
            if start < batch.num_rows:
                yield batch.slice(start).select(columns)
            start = max(start - batch.num_rows, 0)
        return
    with pa.OSFile(str(path)) as opened, pq.ParquetFile(opened) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if start < rows:
                for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=columns):
                    if start < batch.num_rows:
                        yield batch.slice(start)
                    start = max(start - batch.num_rows, 0)
            else:
                start -= rows


def _stream(path: Path) -> Iterator[pa.RecordBatch]:
    """Yields the batches of an Arrow file, which is mapped into memory; a stream, as Hugging Face writes it, or not."""
    with pa.memory_map(str(path)) as mapped:
        try:
            yield from pa.ipc.open_stream(mapped)
        except pa.ArrowInvalid:
            mapped.seek(0)
            file = pa.ipc.open_file(mapped)
            yield from map(file.get_batch, range(file.num_record_batches))


def _count(path: Path) -> int:
    try:
        if path.suffix == ".arrow":
            return sum(batch.num_rows for batch in _stream(path))
        with pa.OSFile(str(path)) as file:
            return pq.read_metadata(file).num_rows
    except BROKEN as error:
        raise DataError(f"{path} is no whole Parquet or Arrow file ({type(error).__name__}); restore it.") from error


def _schema(path: Path) -> pa.Schema:
    if path.suffix == ".arrow":
        return next(_stream(path)).schema
    with pa.OSFile(str(path)) as file:
        return pq.read_schema(file)


def _column(schema: pa.Schema, given: str | None, usual: tuple[str, ...]) -> str | None:
    found = next((name for name in ([given] if given else usual) if name in schema.names), None)
    if found is not None and schema.names.count(found) > 1:
        raise DataError(
            f"the files have {schema.names.count(found)} columns {shown(found)}, and which of them is meant cannot be "
            "told; name others with --image_feature and --label_feature, or write the files with one."
        )
    return found


def _class_names(schema: pa.Schema, label: str | None) -> list[str] | None:
    """Names of the classes, where Hugging Face `datasets` wrote them into the schema."""
    try:
        features = parse_json((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[label]["names"]
    except (KeyError, TypeError, ValueError):
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _picture(value: Any) -> bytes:
    found = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(found, bytes):
        return found
    elsewhere = value.get("path") if isinstance(value, dict) else None
    raise DataError(f"no bytes in its row, which names the file {elsewhere}" if elsewhere else "no bytes in its row")
