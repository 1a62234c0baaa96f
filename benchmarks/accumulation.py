"""Memory and time of one step with its batch in one piece and in micro-batches (`--accumulation_steps`).

    python benchmarks/accumulation.py --json=accumulation.json      # about five minutes on two CPU cores

Every number of micro-batches runs in a process of its own. Memory is the peak of the process less what it held before
its first step; the loss of the first step differs with batch normalization, which sees micro-batches.
"""

import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

from rows import argument_parser, write_json


def measure(encoder: str, batch: int, count: int) -> dict[str, Any]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import numpy as np
    import psutil
    import tensorflow as tf

    from aag_tf.config import EncoderConfig, ScheduleConfig, TrainConfig
    from aag_tf.training.model_building import build_model

    shape = (32, 32, 3)
    schedule = ScheduleConfig(global_batch_size=batch, accumulation_steps=count)
    model = build_model(TrainConfig(encoder=EncoderConfig(encoder=encoder), schedule=schedule), shape, total_steps=10)
    images = np.random.default_rng(0).integers(0, 256, (batch, *shape), np.uint8)
    inputs = {"image": tf.constant(images), "step": tf.zeros([batch], tf.int64), "row": tf.range(batch)}
    step = tf.function(model.train_step).get_concrete_function(inputs)
    before = psutil.Process().memory_info().rss
    float(step(inputs)["loss"])
    began = time.perf_counter()
    loss = float(step(inputs)["loss"])
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    row = {"micro_batches": count, "peak_mib": round(peak / 2**20), "seconds": round(seconds, 2), "loss": loss}
    return {"encoder": encoder, "batch": batch, **row}


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| micro-batches | peak memory | s a step | memory | time |", "| ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        memory, seconds = row["peak_mib"] / rows[0]["peak_mib"], row["seconds"] / rows[0]["seconds"]
        lines.append(
            f"| {row['micro_batches']} | {row['peak_mib']} MiB | {row['seconds']} | {memory:.0%} | {seconds:.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--measure", type=int, help="measure this number of micro-batches here, and print one object")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.encoder, arguments.batch, arguments.measure)))
        return
    rows = []
    for count in arguments.counts:
        command = [sys.executable, __file__, f"--encoder={arguments.encoder}", f"--batch={arguments.batch}"]
        finished = subprocess.run([*command, f"--measure={count}"], check=True, capture_output=True, text=True)
        rows.append(json.loads(finished.stdout.splitlines()[-1]))
    print(table(rows))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
