"""Sends mutated files between good ones through aag-embed, and checks rows, memory and time.

    python benchmarks/bulk_mutated.py --saved_model=served/tiny --good=cifar10_files

Mutated files come from `mutated_images.py`, which states the expected outcome of each. Every second file is a good one.
The good files are first embedded alone. Between the mutated ones each must get the same embedding (to `TOLERANCE`,
because another place in a batch may round differently). A mutated file must be rejected with a reason, or embedded
exactly as when it is read alone. Both runs are separate processes, whose peak memory is compared.
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
from benchmark_tools import argument_parser, print_values, write_json
from mutated_images import EMBEDDED, REFUSED, mutated_images

from aag_tf.data.files import pictures
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
    """Writes mutated files; returns their kind and expected outcome by path."""
    folder.mkdir()
    expected = {}
    for picture in mutated_images(count, seed):
        path = folder / picture.name
        path.write_bytes(picture.data)
        expected[path] = picture.kind, picture.expected
    return expected


def embed(saved_model: str, paths: list[Path], folder: Path) -> tuple[dict[str, dict[str, Any]], float, float]:
    """Embeds files in a separate process; returns its rows by path, peak MiB and seconds."""
    folder.mkdir()
    listed = folder / "paths.txt"
    listed.write_bytes(b"".join(f"{path}\n".encode() for path in paths))
    flags = [f"--saved_model={saved_model}", f"--input={listed}", f"--output={folder / 'out'}"]
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", CHILD, *flags], capture_output=True, text=True, check=True)
    seconds = time.monotonic() - began
    rows = pq.read_table(folder / "out" / "parquet").to_pylist()
    if [row["path"] for row in rows] != [str(path) for path in paths]:
        raise RuntimeError("the rows do not match the list")
    return {row["path"]: row for row in rows}, int(done.stdout.split()[-1]) / 1024, seconds


def wrong_good_rows(reference: dict[str, Any], rows: dict[str, Any]) -> int:
    """Counts good files whose embedding differs from that without mutated files."""
    names = list(reference)
    expected = np.array([reference[name]["embedding"] for name in names], np.float32)
    found = np.array([rows[name]["embedding"] for name in names], np.float32)
    limit = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    return int((np.abs(expected - found).max(axis=1) > limit).sum())


def wrong_mutated_rows(saved_model: str, mutated: list[Path], rows: dict[str, Any]) -> tuple[int, int]:
    """Counts the mutated files that were embedded, and those of them that differ from the same file read alone."""
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
    parser.add_argument("--good", required=True, help="a folder of readable image files")
    parser.add_argument("--count", type=int, default=10_000, help="mutated files")
    parser.add_argument("--seed", type=int, default=0, help="seed of the mutations")
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
    values = {
        "good": len(good),
        "good_rows_wrong": wrong_good_rows(reference, rows),
        "mutated": len(mutated),
        "embedded": embedded,
        "embedded_wrong": wrong,
        "rejected": sum(reasons.values()),
        "unexpected": sum(unexpected.values()),
        "rejected_without_reason": reasons[None] + reasons[""],
        "peak_mib_good": round(calm_mib),
        "peak_mib_mixed": round(mib),
        "seconds_good": round(calm_seconds),
        "seconds_mixed": round(seconds),
    }
    print_values(values)
    for text, count in [*unexpected.items(), *reasons.most_common(12)]:
        print(f"{count:8}  {text}")
    write_json(arguments.json, values | {"reasons": dict(reasons), "outcomes": dict(unexpected)})
    sys.exit(bool(values["good_rows_wrong"] or wrong or values["rejected_without_reason"]))


if __name__ == "__main__":
    main()
