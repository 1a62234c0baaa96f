"""Kills aag-embed with SIGKILL repeatedly, and compares its final output with that of an uninterrupted run.

    python benchmarks/bulk_kill.py --saved_model=served/tiny --images=cifar10_files --kills=10

Each run is a process of its own, which is killed at a random moment after it has begun to embed; occasionally this is
while it lists, writes a file or finishes. The command is then repeated with --resume until it completes. Every Parquet
file, embeddings.npy and paths.txt must be equal, byte for byte.
"""

import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark_tools import argument_parser, write_json

COMMAND = "from aag_tf.commands.embed import run; run()"


def command(saved_model: str, images: str, output: Path, *more: str) -> list[str]:
    flags = [f"--saved_model={saved_model}", f"--input={images}", f"--output={output}", "--shard_size=64", *more]
    return [sys.executable, "-c", COMMAND, *flags]


def digests(output: Path) -> dict[str, str]:
    files = [*output.glob("parquet/part-*"), output / "embeddings.npy", output / "paths.txt"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def shards_of(output: Path) -> int:
    return len(list(output.glob("parquet/part-*")))


def kill_once(line: list[str], output: Path, pause: float) -> bool:
    """Kills the command `pause` seconds after its next file appears; returns whether it was still running."""
    before = shards_of(output)
    child = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and shards_of(output) == before:
        time.sleep(0.005)
    time.sleep(pause)
    child.kill()
    return child.wait() == -signal.SIGKILL


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--saved_model", required=True, help="an exported encoder")
    parser.add_argument("--images", required=True, help="images to embed: anything that --input accepts")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        began = time.monotonic()
        subprocess.run(command(arguments.saved_model, arguments.images, whole), check=True, stdout=subprocess.DEVNULL)
        manifest = json.loads((whole / "manifest.json").read_text())
        total = shards_of(whole)
        print(f"uninterrupted: {manifest['input']['rows']} images, {total} files, {time.monotonic() - began:.0f} s")
        for number in range(1, arguments.kills + 1):
            resume = ["--resume"] if (killed / "manifest.json").exists() else []
            pause = moments.uniform(0, 0.2)
            line = command(arguments.saved_model, arguments.images, killed, *resume)
            was_killed = kill_once(line, killed, pause)
            halves = len(list(killed.glob("parquet/.part-*")))
            rows.append({"kill": number, "killed": was_killed, "files": shards_of(killed), "half_files": halves})
            print(f"kill {number}: {'SIGKILL' if was_killed else 'had finished'}, {rows[-1]['files']} of {total} files")
        line = command(arguments.saved_model, arguments.images, killed, "--resume")
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        same = digests(whole) == digests(killed)
    print(f"{sum(row['killed'] for row in rows)} kills; {'identical, byte for byte' if same else 'DIFFERENT'}")
    write_json(arguments.json, {"rows": rows, "same": same})
    sys.exit(not same)


if __name__ == "__main__":
    main()
