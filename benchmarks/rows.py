"""What the benchmarks have in common: `--json=FILE`, and rows as a table."""

import argparse
import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with `--json`, whose help is the docstring of the script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="file to write the figures to")
    return parser


def write_json(path: str | None, figures: object) -> None:
    """Writes rows, or whatever holds figures, to the file of `--json`, where one was given."""
    if path:
        Path(path).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def markdown(rows: list[Row], names: list[str] | None = None) -> str:
    """A table of all that the rows hold, or of `names` alone; what a row lacks is a dash."""
    if names is None:
        names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(name.replace("_", " ") for name in names) + " |", "| ---: " * len(names) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(str(row.get(name, "–")) for name in names) + " |" for row in rows)])
