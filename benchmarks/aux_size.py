"""Images per second of training with auxiliary views of several sizes and numbers.

    python benchmarks/aux_size.py --json=aux_size.json            # about six minutes on two CPU cores

Times `AAG.train_step` with the drawing of its views, as a graph as in a run, on images in memory. All settings
alternate in one process, so that other load on the machine affects them alike; the median of the rounds counts.
`relative` is the speed beside training without auxiliary views.
"""

import statistics
import sys
from collections.abc import Callable
from typing import Any

from benchmark_tools import Row, argument_parser, markdown, random_images, timed, write_json

SIDE = 32  # pixels of images and main views
# Auxiliary views of an image: how many, and of how many pixels.
AUXILIARY = ((0, SIDE), (1, SIDE), (2, 16), (4, 16), (2, 20))


def training_step(encoder: str, views: int, size: int, batch: int, precision: str) -> Callable[[], Any]:
    """Returns a function that trains for a step, which is traced already."""
    import tensorflow as tf

    from aag_tf.config import AugmentConfig, EncoderConfig, ScheduleConfig, TrainConfig
    from aag_tf.training.model_building import build_model

    augment = AugmentConfig(aux_views=views, aux_size=size) if views else AugmentConfig(aux="none")
    config = TrainConfig(
        augment=augment,
        encoder=EncoderConfig(encoder),
        schedule=ScheduleConfig(train_steps=1000, global_batch_size=batch, precision=precision),
    )
    model = build_model(config, (SIDE, SIDE, 3), total_steps=1000)
    position = {"step": tf.zeros([batch], tf.int64), "row": tf.range(batch)}
    images = {"image": tf.constant(random_images(batch, SIDE)), **position}
    step = tf.function(lambda: model.train_step(images)["loss"])
    step(), step()
    return lambda: step().numpy()  # waits for the result


def measure(encoder: str, batch: int, precision: str, rounds: int) -> list[Row]:
    """Returns a row for each of `AUXILIARY`."""
    from aag_tf.encoders import dtype_policy

    seconds: dict[tuple[int, int], list[float]] = {setting: [] for setting in AUXILIARY}
    with dtype_policy(precision):
        steps = {setting: training_step(encoder, *setting, batch, precision) for setting in AUXILIARY}
    for _ in range(rounds):
        for setting, step in steps.items():
            seconds[setting].append(timed(step)[1])
    shared = {"encoder": encoder, "batch": batch, "precision": precision}
    return [shared | row for row in summary(seconds, batch)]


def summary(seconds: dict[tuple[int, int], list[float]], batch: int) -> list[Row]:
    """Returns images per second of each number and size of auxiliary views, and relative to the first."""
    rates = {setting: batch / statistics.median(times) for setting, times in seconds.items()}
    first = next(iter(rates.values()))
    return [
        {
            "auxiliary": f"{views} x {size}" if views else "none",
            "images_per_second": round(rate, 1),
            "relative": round(rate / first, 3),
        }
        for (views, size), rate in rates.items()
    ]


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--encoders", nargs="+", default=["tiny", "resnet18"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=30, help="steps of each setting that are timed")
    parser.add_argument("--precision", default="float32", help="float32 or mixed_bfloat16")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for encoder in arguments.encoders:
        rows += measure(encoder, arguments.batch, arguments.precision, arguments.rounds)
        print(*rows[-len(AUXILIARY) :], sep="\n", file=sys.stderr)
    print(markdown(rows))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
