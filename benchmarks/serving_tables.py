"""Writes the tables of docs/measurements/serving.md from the JSON files of the serving benchmarks.

    python benchmarks/serving_tables.py docs/measurements/serving.md --parity=parity.json --serve=serve.json \\
        --mutated mutated.json --load=load.json

Each table is between `<!-- NAME -->` and `<!-- /NAME -->` and is replaced there; the others stay.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from benchmark_tools import Row, replace_table, table


def parity(rows: list[Row]) -> str:
    cells = [(row["way"], f"{row['difference']:.1e}") for row in rows]
    return table(["client", "largest difference"], cells, text_columns=2)


def serve(rows: list[Row]) -> str:
    header = ["client", "p50 ms", "p99 ms", "images/s", "relative to bare"]
    cells = [
        (
            row["way"],
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['images_per_second']:.0f}",
            f"{100 * row['of_bare']:.1f} %",
        )
        for row in rows
    ]
    return table(header, cells, text_columns=5)


def mutated(results: list[Row]) -> str:
    outcomes: Counter[tuple[str, str]] = Counter()  # by kind and outcome
    for result in results:
        for name, count in result["kinds"].items():
            kind, outcome = name.split()
            outcomes[kind.replace("_", " "), outcome] += count
            outcomes["**all**", outcome] += count
    kinds = sorted({kind for kind, _ in outcomes} - {"**all**"})
    cells = [(kind, outcomes[kind, "embedded"], outcomes[kind, "refused"]) for kind in [*kinds, "**all**"]]
    return table(["kind", "embedded", "rejected"], cells, text_columns=3)


def load_table(rows: list[Row]) -> str:

    def counts(found: dict[str, int]) -> str:
        return ", ".join(f"{name}: {count:,}" for name, count in sorted(found.items())) or "–"

    header = ["load", "clients", "their answers", "answers", "p50 ms", "p99 ms", "health p50", "p99", "worst", "MiB"]
    cells = [
        (
            row["load"],
            row["clients"],
            counts(row["their_answers"]),
            counts(row["answers"]),
            *(f"{row[name]:.1f}" for name in ("p50_ms", "p99_ms", "health_p50_ms", "health_p99_ms", "health_worst_ms")),
            f"{row['memory_mib']:.0f}",
        )
        for row in rows
    ]
    return table(header, cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    parser.add_argument("--parity", type=Path)
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--load", type=Path)
    parser.add_argument("--mutated", type=Path, nargs="*")
    arguments = parser.parse_args()
    page = arguments.document
    for name, build in (("parity", parity), ("serve", serve), ("load", load_table)):
        file = getattr(arguments, name)
        if file:
            replace_table(page, name, build(json.loads(file.read_text())))
    if arguments.mutated:
        replace_table(page, "mutated", mutated([json.loads(file.read_text()) for file in arguments.mutated]))


if __name__ == "__main__":
    main()
