"""Puts mutated files among good ones through aag-embed, and looks for wrong rows, growing memory and long waits.

    python benchmarks/bulk_mutated.py --saved_model=served/tiny --good=cifar10_files

Mutated files come from `mutated_images.py`, which says what has to become of each. Every second file is a good one. The
good ones are embedded alone first; beside the mutated ones each must get the same embedding (to `TOLERANCE`, since
another place in a batch may round otherwise). A mutated file must be refused with a reason, or embedded as it is when
it is read alone. Both runs are processes of their own, whose peak memory is compared.
"""

import collections
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
from mutated_images import EMBEDDED, REFUSED, mutated_images
from rows import argument_parser, write_json

from aag_tf.data import pictures
from aag_tf.runs.exported import load_saved_model

TOLERANCE = 1e-5
CHILD = """
import resource, sys
from aag_tf.commands.embed import main
code = main(sys.argv)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def write_mutated(folder: Path, count: int, seed: int) -> dict[Path, tuple[str, str]]:
    """Writes mutated files; their kind, and what has to become of them, by path."""
    folder.mkdir()
    expected = {}
    for picture in mutated_images(count, seed):
        path = folder / picture.name
        path.write_bytes(picture.data)
        expected[path] = picture.kind, picture.expected
    return expected


def embed(saved_model: str, paths: list[Path], folder: Path) -> tuple[dict[str, dict[str, Any]], float, float]:
    """Rows by path, peak MiB and seconds of a process of its own."""
    folder.mkdir()
    listed = folder / "paths.txt"
    listed.write_bytes(b"".join(f"{path}\n".encode() for path in paths))
    flags = [f"--saved_model={saved_model}", f"--input={listed}", f"--output={folder / 'out'}"]
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", CHILD, *flags], capture_output=True, text=True, check=True)
    seconds = time.monotonic() - began
    rows = pq.read_table(folder / "out" / "parquet").to_pylist()
    if [row["path"] for row in rows] != [str(path) for path in paths]:
        raise RuntimeError("the rows are not those of the list")
    return {row["path"]: row for row in rows}, int(done.stdout.split()[-1]) / 1024, seconds


def wrong_good_rows(reference: dict[str, Any], rows: dict[str, Any]) -> int:
    """How many good files have another embedding than alone."""
    names = list(reference)
    expected = np.array([reference[name]["embedding"] for name in names], np.float32)
    found = np.array([rows[name]["embedding"] for name in names], np.float32)
    limit = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    return int((np.abs(expected - found).max(axis=1) > limit).sum())


def wrong_mutated_rows(saved_model: str, mutated: list[Path], rows: dict[str, Any]) -> tuple[int, int]:
    """Of the mutated files that were embedded: how many there are, and how many differ from the same file alone."""
    model = load_saved_model(saved_model)
    embedded = [path for path in mutated if rows[str(path)]["ok"]]
    wrong = 0
    for path in embedded:
        alone = model(tf.constant(pictures.decode(str(path), model.image_shape)[np.newaxis])).numpy()[0]
        limit = TOLERANCE * max(1.0, float(np.abs(alone).max()))
        wrong += bool(np.abs(alone - np.array(rows[str(path)]["embedding"], np.float32)).max() > limit)
    return len(embedded), wrong


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--saved_model", required=True, help="an exported encoder")
    parser.add_argument("--good", required=True, help="a folder of picture files that can all be read")
    parser.add_argument("--count", type=int, default=10_000, help="mutated files")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        expected = write_mutated(Path(folder, "mutated"), arguments.count, arguments.seed)
        mutated = list(expected)
        found = sorted(path.absolute() for path in Path(arguments.good).rglob("*") if path.is_file())
        good = found[:: max(1, len(found) // len(mutated))][: len(mutated)]
        mixed = [path for pair in itertools.zip_longest(mutated, good) for path in pair if path is not None]
        reference, calm_mib, calm_seconds = embed(arguments.saved_model, good, Path(folder, "good"))
        rows, mib, seconds = embed(arguments.saved_model, mixed, Path(folder, "mixed"))
        embedded, wrong = wrong_mutated_rows(arguments.saved_model, mutated, rows)
    reasons = collections.Counter(rows[str(path)]["error"] for path in mutated if not rows[str(path)]["ok"])
    unexpected = collections.Counter(
        f"{kind} {'embedded' if rows[str(path)]['ok'] else 'refused'}, not {what}"
        for path, (kind, what) in expected.items()
        if (what == EMBEDDED and not rows[str(path)]["ok"]) or (what == REFUSED and rows[str(path)]["ok"])
    )
    figures = {
        "good": len(good),
        "good_rows_wrong": wrong_good_rows(reference, rows),
        "mutated": len(mutated),
        "embedded": embedded,
        "embedded_wrong": wrong,
        "refused": sum(reasons.values()),
        "unexpected": sum(unexpected.values()),
        "refused_without_reason": reasons[None] + reasons[""],
        "peak_mib_good": round(calm_mib),
        "peak_mib_mixed": round(mib),
        "seconds_good": round(calm_seconds),
        "seconds_mixed": round(seconds),
    }
    for name, value in figures.items():
        print(f"{name:24}{value}")
    for text, count in [*unexpected.items(), *reasons.most_common(12)]:
        print(f"{count:8}  {text}")
    write_json(arguments.json, figures | {"reasons": dict(reasons), "outcomes": dict(unexpected)})
    sys.exit(bool(figures["good_rows_wrong"] or wrong or figures["refused_without_reason"]))


if __name__ == "__main__":
    main()
