"""How long a run of very many small pictures takes to its first step, and how much memory: from files and from a pack.

    python benchmarks/many_files.py --folder=/tmp/many --json=many_files.json      # 100 000 files
    python benchmarks/many_files.py --folder=/tmp/many --files=1280000 --drop_caches --kinds files --json=more.json

Files are the pictures of CIFAR-10 (prepared by TensorFlow Datasets) as JPEGs of 32x32, each a file of its own, 1 280 in
a folder, as in ImageNet; where more are wanted than there are, pictures come again. Views are cut from the
files, as for photographs: nothing is decoded before the first step. Making 1.28 million files and their pack (`--make`)
takes half an hour and 7 GB; what is there is used again.

Cold is the first start: no header is remembered, and with `--drop_caches`, which must run as root and slows down all
other processes, nothing of the disk is in memory. Warm is the next one.
"""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark_tools import Row, argument_parser, markdown, write_json
from startup import phases, results_table

IN_FOLDER = 1_280
KINDS = ("files", "pack")
FLAGS = ("--encoder=tiny", "--image_size=16", "--global_batch_size=64", "--crop_from=source")
IMPORTED, OPENING = "import TensorFlow and the rest", ("headers", "images and labels", "splits", "fingerprint")
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def encoded() -> list[bytes]:
    """Returns the pictures of CIFAR-10 as JPEG files."""
    import tensorflow_datasets as tfds
    from PIL import Image

    files = []
    for example in tfds.as_numpy(tfds.load("cifar10", split="train+test")):
        held = io.BytesIO()
        Image.fromarray(example["image"]).save(held, "JPEG", quality=90)
        files.append(held.getvalue())
    return files


def name(number: int) -> str:
    """Returns the path of a file below the folder."""
    return f"class_{number // IN_FOLDER:04d}/{number % IN_FOLDER:06d}.jpg"


def make(folder: Path, count: int) -> None:
    """Writes the files."""
    files = encoded()
    for number in range(count):
        path = folder / name(number)
        if number % IN_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[number % len(files)])


def pack(folder: Path, output: Path) -> None:
    """Packs the files as they are."""
    command = [sys.executable, "-m", "aag_tf.commands.pack", f"--dataset=folder:{folder}", f"--output={output}"]
    subprocess.run([*command, *(["--resume"] if output.exists() else [])], check=True)


def start(dataset: str, cache: str, *, drop: bool) -> list[Row]:
    """Starts a run; returns a row a phase."""
    if drop:
        os.sync()
        DROP_CACHES.write_text("3")
    return phases([f"--dataset={dataset}", *FLAGS], os.environ | {"AAG_CACHE_DIR": cache})


def memory(rows: list[Row]) -> Row:
    """Returns in MiB the peak of a run, and how much more than after its imports it had in use while it opened."""
    before = next(row["mib"] for row in rows if row["phase"] == IMPORTED)
    opening = max(row["peak_mib"] for row in rows if row["phase"] in OPENING)
    return {"peak_mib": max(row["peak_mib"] for row in rows), "opening_mib": opening - before}


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--folder", required=True, help="where the files and the pack go; they are kept")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--drop_caches", action="store_true", help="empty the system's cache before cold starts")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what runs are started from")
    parser.add_argument("--make", action="store_true", help="make the files and the pack, and measure nothing")
    arguments = parser.parse_args()
    folder, packed = (Path(arguments.folder) / f"{kind}_{arguments.files}" for kind in KINDS)
    if not (folder / name(arguments.files - 1)).exists():
        make(folder, arguments.files)
    if "pack" in arguments.kinds and not (packed / "train.parquet").exists():
        pack(folder, packed)
    if arguments.make:
        return
    rows: list[Row] = []
    used: list[Row] = []
    datasets = {"files": f"folder:{folder}", "pack": f"pack:{packed}"}
    for kind in arguments.kinds:
        with tempfile.TemporaryDirectory() as cache:
            for state in ("cold", "warm"):
                found = start(datasets[kind], cache, drop=arguments.drop_caches and state == "cold")
                facts = {"start": f"{kind}, {state}", "files": arguments.files}
                rows += [facts | row for row in found]
                used.append(facts | memory(found))
    print(results_table(rows, "start"), markdown(used), sep="\n\n")
    write_json(arguments.json, {"phases": rows, "memory": used})


if __name__ == "__main__":
    main()
