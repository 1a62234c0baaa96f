"""Memory and time of one step, with its batch in one piece and in micro-batches (`--accumulation_steps`).

    python benchmarks/accumulation.py --json=accumulation.json      # about five minutes on two CPU cores

Each number of micro-batches runs in its own process. Memory is the peak of the process minus its memory before the
first step. Batch normalization sees micro-batches, so the loss of the first step depends on their number.
"""

import json
import os
import sys

from benchmark_tools import Row, argument_parser, peak_bytes, random_images, run_for_json, table, timed, write_json


def measure(encoder: str, batch: int, count: int) -> Row:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import psutil
    import tensorflow as tf

    from aag_tf.config import EncoderConfig, ScheduleConfig, TrainConfig
    from aag_tf.training.model_building import build_model

    schedule = ScheduleConfig(global_batch_size=batch, accumulation_steps=count)
    config = TrainConfig(encoder=EncoderConfig(encoder=encoder), schedule=schedule)
    model = build_model(config, (32, 32, 3), total_steps=10)
    images = tf.constant(random_images(batch, 32))
    inputs = {"image": images, "step": tf.zeros([batch], tf.int64), "row": tf.range(batch)}
    step = tf.function(model.train_step).get_concrete_function(inputs)
    before = psutil.Process().memory_info().rss
    float(step(inputs)["loss"])
    loss, seconds = timed(lambda: float(step(inputs)["loss"]))
    peak = peak_bytes() - before
    row = {"micro_batches": count, "peak_mib": round(peak / 2**20), "seconds": round(seconds, 2), "loss": loss}
    return {"encoder": encoder, "batch": batch, **row}


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
    command = [sys.executable, __file__, f"--encoder={arguments.encoder}", f"--batch={arguments.batch}"]
    rows = [run_for_json([*command, f"--measure={count}"]) for count in arguments.counts]
    peak, seconds = rows[0]["peak_mib"], rows[0]["seconds"]
    cells = [
        (
            row["micro_batches"],
            f"{row['peak_mib']} MiB",
            row["seconds"],
            f"{row['peak_mib'] / peak:.0%}",
            f"{row['seconds'] / seconds:.0%}",
        )
        for row in rows
    ]
    print(table(["micro-batches", "peak memory", "s per step", "memory", "time"], cells, text_columns=0))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
