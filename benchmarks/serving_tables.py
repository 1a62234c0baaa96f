"""The tables of docs/serving.md, from what the benchmarks of serving wrote.

    python benchmarks/serving_tables.py docs/serving.md --parity=parity.json --serve=serve.json --mutated mutated.json

Each table stands between `<!-- NAME -->` and `<!-- /NAME -->` and is replaced there; those that are not given stay.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any


def parity(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| way in | largest difference |", "| --- | --- |"]
    return lines + [f"| {row['way']} | {row['difference']:.1e} |" for row in rows]


def serve(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| way in | p50 ms | p99 ms | images/s | of bare |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        figures = f"{row['p50_ms']:.2f} | {row['p99_ms']:.2f} | {row['images_per_second']:.0f}"
        lines.append(f"| {row['way']} | {figures} | {100 * row['of_bare']:.1f} % |")
    return lines


def mutated(results: list[dict[str, Any]]) -> list[str]:
    kinds: Counter[str] = Counter()
    for result in results:
        kinds.update(result["kinds"])
    lines = ["| kind | embedded | refused |", "| --- | --- | --- |"]
    for kind in sorted({name.split()[0] for name in kinds}):
        lines.append(f"| {kind.replace('_', ' ')} | {kinds[kind + ' embedded']} | {kinds[kind + ' refused']} |")
    return [*lines, f"| **all** | {_sum(kinds, 'embedded')} | {_sum(kinds, 'refused')} |"]


def _sum(kinds: Counter[str], outcome: str) -> int:
    return sum(count for name, count in kinds.items() if name.endswith(outcome))


def replaced(text: str, name: str, lines: list[str]) -> str:
    pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"there is no <!-- {name} --> in the document")
    return pattern.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    parser.add_argument("--parity", type=Path)
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--mutated", type=Path, nargs="*")
    arguments = parser.parse_args()
    text = arguments.document.read_text(encoding="utf-8")
    for name, table in (("parity", parity), ("serve", serve)):
        file = getattr(arguments, name)
        if file:
            text = replaced(text, name, table(json.loads(file.read_text())))
    if arguments.mutated:
        text = replaced(text, "mutated", mutated([json.loads(file.read_text()) for file in arguments.mutated]))
    arguments.document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
