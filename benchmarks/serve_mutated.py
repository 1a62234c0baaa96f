"""Sends thousands of broken and unusual image files through `embed_bytes` and checks every row.

    python benchmarks/serve_mutated.py --saved_model=served/cifar10 --count=10000 --json=mutated.json

Takes minutes on two CPU cores. The files are sent in batches together with good images of known embedding. A separate
process does the work, so that a crash, a hang or a memory leak is detected. Kinds that must be embedded or refused are
checked for it; an embedded file must give the same row when it is sent alone.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter

import psutil
from benchmark_tools import Row, argument_parser, write_json

BATCH = 64
EVERY = 8  # every eighth file of a batch is a good one with a known embedding
HANG = 120.0  # seconds that the worker may take to exit


def work(saved_model: str, count: int, seed: int) -> None:
    """Sends all files; prints one JSON line per batch."""
    import numpy as np
    import tensorflow as tf
    from mutated_images import mutated_images

    from aag_tf.runs.exported import load_saved_model

    embed = load_saved_model(saved_model).embed_bytes
    known = next(iter(mutated_images(1, seed + 1))).data
    reference = embed(tf.constant([known]))[0].numpy()[0]
    tolerance = 1e-5 * max(1.0, float(np.abs(reference).max()))
    pending = []

    def send() -> Row:
        contents, mine = [], []
        for picture in pending:
            if len(contents) % EVERY == 0:
                contents.append(known)
            mine.append(len(contents))
            contents.append(picture.data)
        start = time.perf_counter()
        rows, valid = (answer.numpy() for answer in embed(tf.constant(contents)))
        took = time.perf_counter() - start
        neighbors = [row for row in range(len(contents)) if row not in mine]
        wrong = [row for row in neighbors if not valid[row] or np.abs(rows[row] - reference).max() > tolerance]
        embedded = [row for row in mine if valid[row]]
        if embedded:
            again = np.concatenate([embed(tf.constant([contents[row]]))[0] for row in embedded[:EVERY]])
            scale = max(1.0, float(np.abs(again).max()))
            alike = np.abs(again - rows[embedded[:EVERY]]).max(axis=1) <= 1e-5 * scale
            wrong += [row for row, same in zip(embedded, alike, strict=False) if not same]
        outcome = ["embedded" if valid[row] else "refused" for row in mine]
        broken = [p.name for p, o in zip(pending, outcome, strict=True) if p.expected not in ("either", o)]
        not_zero = [row for row in mine if not valid[row] and rows[row].any()]
        kinds = [f"{picture.kind} {o}" for picture, o in zip(pending, outcome, strict=True)]
        return {
            "kinds": kinds,
            "broken": broken,
            "wrong": len(wrong) + len(not_zero),
            "neighbors": len(neighbors),
            "s": took,
        }

    for picture in mutated_images(count, seed):
        pending.append(picture)
        if len(pending) == BATCH:
            print(json.dumps(send()), flush=True)
            pending.clear()
    if pending:
        print(json.dumps(send()), flush=True)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--saved_model", required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.saved_model, arguments.count, arguments.seed)
        return
    command = [sys.executable, __file__, "--work", f"--saved_model={arguments.saved_model}"]
    command += [f"--count={arguments.count}", f"--seed={arguments.seed}"]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watched = psutil.Process(worker.pid)
    kinds: Counter[str] = Counter()
    broken: list[str] = []
    wrong = neighbors = 0
    memory: list[float] = []
    slowest = 0.0
    assert worker.stdout is not None
    for line in worker.stdout:
        batch = json.loads(line)
        kinds.update(batch["kinds"])
        broken += batch["broken"]
        wrong += batch["wrong"]
        neighbors += batch["neighbors"]
        slowest = max(slowest, batch["s"])
        memory.append(watched.memory_info().rss / 2**20)
    code = worker.wait(HANG)
    for kind in sorted({name.split()[0] for name in kinds}):
        print(f"{kind:18} embedded {kinds[kind + ' embedded']:6}  refused {kinds[kind + ' refused']:6}")
    result = {
        "files": sum(kinds.values()),
        "exit_code": code,
        "against_expectation": broken,
        "wrong_rows": wrong,
        "good_neighbors": neighbors,
        "slowest_batch_s": slowest,
        "memory_first_mib": memory[0] if memory else 0.0,
        "memory_highest_mib": max(memory, default=0.0),
        "kinds": dict(kinds),
    }
    print({key: value for key, value in result.items() if key != "kinds"})
    write_json(arguments.json, result)
    if code or broken or wrong or sum(kinds.values()) != arguments.count:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
