"""The share of a training step that goes into drawing its three views.

    python benchmarks/augment_step.py --json=step.json             # about three minutes on two CPU cores

Times `AAG.train_step` on views that are ready, and the drawing of the views by itself, both as the graph of a run has
them; the share is the second divided by the sum. Images are 32x32x3, two main views and one auxiliary view each.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rows import argument_parser, write_json

SECONDS = 6.0  # of repetitions a measurement; the best one counts, and there are at least three
ENCODERS = ("tiny", "resnet18")


def best(call: Callable[[], Any]) -> float:
    """Seconds of the quickest call, after one that traces and one that warms up."""
    call(), call()
    seconds: list[float] = []
    while len(seconds) < 3 or sum(seconds) < SECONDS:
        start = time.perf_counter()
        call().numpy()  # waits for the result
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(encoder: str, preset: str, batch: int, precision: str) -> dict[str, Any]:
    import keras
    import tensorflow as tf

    from aag_tf.config import AugmentConfig, EncoderConfig, OptimizerConfig, ScheduleConfig, TrainConfig
    from aag_tf.training.model_building import build_model

    keras.config.set_dtype_policy(precision)
    config = TrainConfig(
        augment=AugmentConfig(aux=preset),
        encoder=EncoderConfig(encoder),
        optimizer=OptimizerConfig(),
        schedule=ScheduleConfig(train_steps=1000, global_batch_size=batch, precision=precision),
    )
    model = build_model(config, (32, 32, 3), total_steps=1000)
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (batch, 32, 32, 3), np.uint8))
    position = {"step": tf.zeros([batch], tf.int64), "row": tf.range(batch)}
    draw = tf.function(lambda: model.draw_views({"image": images, **position}))
    views = draw()
    step = tf.function(lambda: model.train_step({"views": views, **position})["loss"])
    augmentation, training = best(draw), best(step)
    return {
        "encoder": encoder,
        "auxiliary": preset,
        "batch": batch,
        "precision": precision,
        "augmentation_ms": round(1e3 * augmentation, 2),
        "step_ms": round(1e3 * training, 1),
        "share": round(augmentation / (augmentation + training), 4),
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| encoder | auxiliary branch | batch | precision | views, ms | rest of the step, ms | share |",
        "| --- | --- | ---: | --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        figures = f"{row['augmentation_ms']} | {row['step_ms']} | {row['share']:.1%}"
        lines.append(f"| {row['encoder']} | {row['auxiliary']} | {row['batch']} | {row['precision']} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--encoders", nargs="+", choices=ENCODERS, default=ENCODERS)
    parser.add_argument("--presets", nargs="+", default=["default", "randaugment"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--precision", default="float32", help="float32 or mixed_bfloat16")
    arguments = parser.parse_args()
    rows = []
    for encoder in arguments.encoders:
        for preset in arguments.presets:
            rows.append(measure(encoder, preset, arguments.batch, arguments.precision))
            print(rows[-1], file=sys.stderr)
    print(table(rows))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
