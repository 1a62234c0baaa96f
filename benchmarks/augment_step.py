"""Share of a training step that is spent on drawing its three views.

    python benchmarks/augment_step.py --json=step.json             # about three minutes on two CPU cores

Times `AAG.train_step` on prepared views, and the drawing of the views alone, both as graphs as in a run. The share is
the second divided by the sum. Images are 32x32x3, with two main views and one auxiliary view each.
"""

import sys
from collections.abc import Callable
from typing import Any

from benchmark_tools import Row, argument_parser, random_images, table, timed, write_json

SECONDS = 6.0  # of repetitions per measurement, at least three of them; the fastest counts
ENCODERS = ("tiny", "resnet18")


def fastest(call: Callable[[], Any]) -> float:
    """Returns the seconds of the fastest call, after one that traces and one that warms up."""
    call(), call()
    seconds: list[float] = []
    while len(seconds) < 3 or sum(seconds) < SECONDS:
        seconds.append(timed(lambda: call().numpy())[1])  # waits for the result
    return min(seconds)


def measure(encoder: str, preset: str, batch: int, precision: str) -> Row:
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
    images = tf.constant(random_images(batch, 32))
    position = {"step": tf.zeros([batch], tf.int64), "row": tf.range(batch)}
    draw = tf.function(lambda: model.draw_views({"image": images, **position}))
    views = draw()
    step = tf.function(lambda: model.train_step({"views": views, **position})["loss"])
    augmentation, training = fastest(draw), fastest(step)
    return {
        "encoder": encoder,
        "auxiliary": preset,
        "batch": batch,
        "precision": precision,
        "augmentation_ms": round(1e3 * augmentation, 2),
        "step_ms": round(1e3 * training, 1),
        "share": round(augmentation / (augmentation + training), 4),
    }


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
    header = ["encoder", "auxiliary branch", "batch", "precision", "views, ms", "rest of the step, ms", "share"]
    cells = [[*list(row.values())[:-1], f"{row['share']:.1%}"] for row in rows]
    print(table(header, cells, text_columns=2))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
