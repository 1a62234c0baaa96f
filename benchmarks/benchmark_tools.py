"""Shared by the benchmarks: command line, JSON, Markdown tables, timing, random images. Needs NumPy only."""

import argparse
import json
import re
import resource
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Returns a parser with `--json` whose help is the docstring of the script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="file to write the results to")
    return parser


def write_json(path: str | None, results: object) -> None:
    """Writes results to the file given by `--json`, if any."""
    if path:
        Path(path).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def read_json_lines(path: Path) -> list[Row]:
    """Reads a file with one JSON object per line, such as `metrics.jsonl`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, text_columns: int = 1) -> str:
    """Returns a Markdown table; columns after the first `text_columns` are aligned to the right."""
    alignment = ["---"] * text_columns + ["---:"] * (len(header) - text_columns)
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in (header, alignment, *rows))


def markdown(rows: list[Row], names: list[str] | None = None) -> str:
    """Returns a Markdown table of rows, or of the columns `names` only; a missing value is a dash."""
    if names is None:
        names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[row.get(name, "–") for name in names] for row in rows]
    return table([name.replace("_", " ") for name in names], cells, text_columns=0)


def replace_table(page: Path, name: str, content: str) -> None:
    """Replaces what is between `<!-- name -->` and `<!-- /name -->` in a page; the rest stays."""
    pattern, text = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL), page.read_text(encoding="utf-8")
    if not pattern.search(text):
        raise SystemExit(f"{page} contains no <!-- {name} -->.")
    page.write_text(pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text), encoding="utf-8")


def print_values(values: Row) -> None:
    """Prints one name and value per line."""
    for name, value in values.items():
        print(f"{name:24}{value}")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Returns the result of `work()` and the seconds it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def peak_bytes() -> int:
    """Returns the peak resident memory of this process (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_for_json(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Any:
    """Runs a command, in an environment of its own if there is one, and returns the JSON in its last line of output.

    Raises:
        RuntimeError: the command failed; the message ends with what it wrote to standard error.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} {command[1]} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def random_images(count: int, size: int) -> np.ndarray:
    """Returns uint8 noise `[count, size, size, 3]`, the same on every call."""
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def pyplot() -> Any:
    """Imports `matplotlib.pyplot` with a backend that needs no display."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt
