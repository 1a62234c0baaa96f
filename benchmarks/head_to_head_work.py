"""One training of head_to_head.py, in an interpreter that has the packages of its method.

    python benchmarks/head_to_head_work.py --method=aag_tf --data=DIR --output=DIR --steps=300

Trains on `train.npy` of the data, uint8 `[n, 32, 32, 3]`, and stops `--looks` times to embed images for the judge.
Writes `look_K.npz` for each (embeddings as float16), and ends with a line of JSON: the steps of the looks, seconds from
the start of the process to the end of the first step, and steps a second in the second half, without the looks.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil

BANK = 10_000  # training images that looks before the last one embed
CHUNK = 512  # images embedded at a time
WARMUP = 0.05  # share of the steps
BATCH, SIDE = 64, 32
WEIGHT_DECAY = 1e-4


class Method(Protocol):
    """One way to pre-train: an encoder, its views and its loss."""

    def train(self, learning_rate: float) -> object:
        """Trains on the next batch."""

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embeds uint8 images `[n, 32, 32, 3]`: float `[n, features]`."""


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Returns the rate of a step, counted from 0: a linear warm-up, then a cosine to zero."""
    warmup = round(WARMUP * steps)
    if step < warmup:
        return peak * step / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def batches(images: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Yields batches of images for ever, each epoch in an order of its own."""
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(len(images))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            yield images[order[start : start + BATCH]]


def look_at(steps: int, looks: int) -> list[int]:
    """Returns the numbers of steps after which there is a look, the last one at the end."""
    return sorted({max(1, round(steps * (look + 1) / looks)) for look in range(looks)})


def embed_all(method: Method, images: np.ndarray) -> np.ndarray:
    """Embeds images in parts, float16 `[n, features]`."""
    parts = [method.embed(images[start : start + CHUNK]) for start in range(0, len(images), CHUNK)]
    return np.concatenate(parts).astype(np.float16)


def write_look(method: Method, data: Path, file: Path, *, last: bool) -> None:
    """Writes the embeddings of a bank and of held-out images, at the last look of all images."""
    names = ["train", "held_out", *(["test"] if last else [])]
    images = {name: np.load(data / f"{name}.npy", mmap_mode="r") for name in names}
    most = {"train": len(images["train"]) if last else BANK}
    np.savez(file, **{name: embed_all(method, images[name][: most.get(name)]) for name in names})


def run(make: Any, given: argparse.Namespace) -> dict[str, Any]:
    """Trains for the steps and returns what the last line of output has."""
    method: Method = make(given)
    at, looks, paused, ended = look_at(given.steps, given.looks), [], 0.0, []
    created = psutil.Process().create_time()
    for step in range(given.steps):
        method.train(learning_rate(step, given.steps, given.learning_rate))
        ended.append(time.time() - created - paused)
        if step + 1 in at and given.output:
            began = time.time()
            file = given.output / f"look_{len(looks)}.npz"
            write_look(method, given.data, file, last=step + 1 == given.steps)
            paused += time.time() - began
            looks.append({"step": step + 1, "file": file.name})
    half = len(ended) // 2
    speed = (len(ended) - 1 - half) / (ended[-1] - ended[half])
    return {"looks": looks, "steps_per_second": speed, "start_seconds": ended[0]}


def main() -> None:
    from head_to_head_methods import METHODS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=METHODS, required=True)
    parser.add_argument("--data", type=Path, required=True, help="directory with train.npy, held_out.npy and test.npy")
    parser.add_argument("--output", type=Path, help="directory for the embeddings of looks; without it there are none")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--learning_rate", type=float, default=0.0035)
    parser.add_argument("--temperature", type=float, default=0.17)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--looks", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps(run(METHODS[given.method].make, given)))


if __name__ == "__main__":
    main()
