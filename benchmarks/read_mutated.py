"""Reads broken picture files of every format as training does, and watches outcome, time and memory.

    nice python benchmarks/read_mutated.py --count=10000 --json=read_mutated.json    # half an hour on two CPU cores

Files come from `mutated_pictures.py`. Each is read in this process: header, then up to three pages. A file must be
read as uint8 of the wanted shape, or refused by an exception; a crash ends the script, and so does a file that takes a
minute (with the place where it hangs). Memory is the peak of the process beyond what it had after the good files were
read.
"""

import faulthandler
import io
import os
import time
import warnings
from collections import defaultdict

import numpy as np
from benchmark_tools import Row, argument_parser, markdown, peak_bytes, print_values, write_json

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from mutated_pictures import Broken, good_files, mutated_pictures

from aag_tf.data.files import pictures
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.reasons import reason
from aag_tf.data.files.trying import quiet_decoders

HANG = 60  # seconds
PAGES = 3
READING = Reading(value_range=(0.0, 4095.0))


def read(data: bytes) -> int:
    """Returns the number of pages that were read.

    Raises:
        AssertionError: an image has another shape or type than was asked for.
        Exception: the file is refused.
    """
    header = pictures.read_header(io.BytesIO(data))
    shape = (16, 24, header.channels)
    for page in range(min(header.pages, PAGES)):
        image = pictures.decode(io.BytesIO(data), shape, READING, page)
        if image.shape != shape or image.dtype != np.uint8:
            raise AssertionError(f"an image of {image.shape} {image.dtype} in place of {shape} uint8")
    return min(header.pages, PAGES)


def watch(broken: Broken, row: Row) -> str:
    """Reads one file, and counts what became of it; returns why it was refused."""
    began = time.perf_counter()
    faulthandler.dump_traceback_later(HANG, exit=True)
    why = ""
    try:
        read(broken.data)
        row["read"] += 1
    except AssertionError:
        print(f"wrong image: {broken.name}, {broken.kind}")
        raise
    except Exception as error:  # decoders raise many classes
        row["refused"] += 1
        why = reason(error)
        row["unnamed"] += ": " in why[:40] and why.split(":")[0].endswith("Error")
    finally:
        faulthandler.cancel_dump_traceback_later()
    row["files"] += 1
    row["slowest_ms"] = max(row["slowest_ms"], round(1000 * (time.perf_counter() - began)))
    return why


def main() -> None:
    """Reads the files, and prints a row a format."""
    parser = argument_parser(__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reasons", action="store_true", help="print why files are refused, each reason once")
    arguments = parser.parse_args()
    rows: dict[str, Row] = defaultdict(lambda: {"files": 0, "read": 0, "refused": 0, "unnamed": 0, "slowest_ms": 0})
    said: set[str] = set()
    with warnings.catch_warnings():
        quiet_decoders()
        warnings.simplefilter("ignore", UserWarning)
        for name, data in good_files().items():
            assert read(data) >= 1, name
        before = peak_bytes()
        for broken in mutated_pictures(arguments.count, arguments.seed):
            why = watch(broken, rows[broken.name])
            if arguments.reasons and why and why not in said:
                said.add(why)
                print(f"{broken.name}, {broken.kind}: {why}", flush=True)
    total = {
        "files": sum(row["files"] for row in rows.values()),
        "read": sum(row["read"] for row in rows.values()),
        "refused": sum(row["refused"] for row in rows.values()),
        "slowest_ms": max(row["slowest_ms"] for row in rows.values()),
        "peak_MiB": round(peak_bytes() / 2**20),
        "peak_beyond_good_files_MiB": round((peak_bytes() - before) / 2**20),
    }
    print(markdown([{"format": name, **row} for name, row in rows.items()]))
    print_values(total)
    write_json(arguments.json, {"formats": rows, "total": total, "seed": arguments.seed})


if __name__ == "__main__":
    main()
