"""The answer about a collection, written as a page and as tables: what was found, with the pictures."""

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import Collection
from aag_tf.export.embedding.items import Item
from aag_tf.export.search.gallery import Entry, Section, look_of, write_gallery
from aag_tf.export.search.itself import items_of_rows
from aag_tf.preflight.search import SUFFIXES, outputs_of
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.stores import file_to_write, named, publish
from aag_tf.utils.text import Lines, counted
from aag_tf.utils.versions import versions

MOST_SHOWN = 500  # pictures of a page: about ten megabytes
FORMAT = {"format": "aag_tf.search", "format_version": 1}


class Part(NamedTuple):
    """Images that are shown together.

    Args:
        rows: of the collection.
        notes: text in bold below each.
        heading: text above them; empty for none.
        query: the picture that they were found for; `None` for none.
    """

    rows: Sequence[int]
    notes: Sequence[str]
    heading: str = ""
    query: Entry | None = None


class Answer(NamedTuple):
    """What was found.

    Args:
        title: of the page.
        summary: one sentence.
        columns: names of the table's columns.
        table: a row for each image that was found.
        parts: what the page shows.
        lines: what the terminal shows below the summary.
        facts: more of the JSON file.
    """

    title: str
    summary: str
    columns: tuple[str, ...]
    table: list[tuple[Any, ...]]
    parts: Sequence[Part]
    lines: Sequence[str] = ()
    facts: dict[str, Any] = {}  # noqa: RUF012


@dataclasses.dataclass(frozen=True)
class CollectionReport:
    """The answer to a question about a collection, as it was written.

    Args:
        summary: one sentence.
        rows: what was found, as in the tables.
        lines: the first of it.
        gallery: the page that shows it, if one was asked for.
        results: the tables, if they were asked for.
    """

    summary: str
    rows: list[dict[str, Any]]
    lines: tuple[str, ...]
    gallery: Path | None
    results: tuple[Path, ...]

    def __str__(self) -> str:
        """The summary, the first of what was found, and where the rest is."""
        return str(Lines(self.summary, *self.lines, *written_lines(self.gallery, self.results)))


def written_lines(gallery: Path | None, results: Sequence[Path]) -> list[str]:
    """Returns what a report ends with: the names of its files."""
    lines = [] if gallery is None else [f"The pictures: {named(gallery)}"]
    lines += [f"The tables: {', '.join(map(named, results))}"] if results else []
    return ["", *lines] if lines else []


def deliver(config: SearchConfig, collection: Collection, answer: Answer) -> CollectionReport:
    """Writes the page and the tables of an answer."""
    outputs = outputs_of(config)
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.table]
    results = write_tables(config, answer.columns, answer.table, answer.facts | {"summary": answer.summary})
    gallery = _write_page(outputs.gallery, config, collection, answer) if outputs.gallery else None
    return CollectionReport(answer.summary, rows, tuple(answer.lines), gallery, results)


def write_tables(
    config: SearchConfig, columns: Sequence[str], table: Sequence[Sequence[Any]], facts: dict[str, Any]
) -> tuple[Path, ...]:
    """Writes a table as CSV and as JSON, if it was asked for; each appears whole or not at all.

    Args:
        config: says where.
        columns: names of the columns.
        table: the rows.
        facts: more of the JSON file.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(table)
    settings = {name: getattr(config, name) for name in ("embeddings", config.question)}
    found = [dict(zip(columns, row, strict=True)) for row in table]
    content = FORMAT | {"question": config.question, "settings": settings, **facts, "results": found}
    contents = {".csv": text.getvalue(), ".json": json.dumps(content | {"versions": versions()}, indent=1) + "\n"}
    written = []
    for name, suffix in zip(outputs_of(config).tables, SUFFIXES, strict=False):
        file = file_to_write(name)
        # Names of files that are no UTF-8 are written as they are; lists are read in the same way.
        write_atomically(file, contents[suffix].encode("utf-8", "surrogateescape"))
        publish(file)
        written.append(file)
    return tuple(written)


def _write_page(path: str, config: SearchConfig, collection: Collection, answer: Answer) -> Path:
    parts, left = list[Part](), MOST_SHOWN
    for part in answer.parts:
        if left <= 0:
            break
        parts.append(part._replace(rows=part.rows[:left], notes=part.notes[:left]))
        left -= len(part.rows)
    numbers = [row for part in parts for row in part.rows]
    total = sum(len(part.rows) for part in answer.parts)
    items = items_of_rows(collection, numbers)
    paths = dict(zip(numbers, collection.paths_of(numbers), strict=True))
    look = look_of(collection, config.saved_model)
    shown = "" if len(numbers) == total else f" The first {len(numbers):,} of {counted(total, 'picture')} are shown."
    sections = [Section(_entries(part, paths, items), part.query, part.heading) for part in parts]
    return write_gallery(path, answer.title, f"{answer.summary}{shown}{look.caption}", sections, look=look)


def _entries(part: Part, paths: dict[int, str], items: dict[int, Item]) -> list[Entry]:
    return [Entry(paths[row], note, items.get(row)) for row, note in zip(part.rows, part.notes, strict=True)]
