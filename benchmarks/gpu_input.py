"""Does the input feed a GPU? ResNet-50 at 224 pixels from memory, from a pack, and from files.

    python benchmarks/gpu_input.py --json=gpu_input.json       # under ten minutes with a GPU and 16 CPU cores
    python benchmarks/gpu_input.py --small                     # a tiny network on a CPU, a minute: tries the script

Makes JPEG files of 500x375 pixels, packs them with `--side=256`, and trains on each for some seconds (`aag_tf.train`, a
process each): bfloat16, batch 256, two views. `memory` holds images of 224x224, so that nothing is read or decoded: the
ceiling of the step. `images_per_second` counts images, each of which has two views; `data_wait_share` is the share of
the time in which steps waited for their images, `gpu_busy_share` what nvidia-smi says, `cores_used` the processor time
of the process and its children, and `python_share` the share of the time in which a thread held Python's lock, from
py-spy where it is installed. The files come from the memory of the system (page cache), so disks are not measured.
"""

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmark_tools import Row, argument_parser, markdown, run_for_json, write_json
from photographs import save_photographs
from provenance import machine, versions

ROOT = Path(__file__).parents[1]
WAYS = {"memory": "image", "pack_256": "source", "files": "source"}  # and what views are cut from
NAMES = {"memory": "images in memory", "pack_256": "a pack of 256 px", "files": "files of 500x375"}
COLUMNS = (
    *("from", "images_per_second", "step_ms", "gpu_busy_share", "data_wait_share", "cores_used", "python_share"),
    "steps",
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How large a measurement is."""

    files: int
    width: int
    height: int
    image_size: int
    side: int
    encoder: str
    batch: int
    warm_up: float
    seconds: float


FULL = Plan(16_384, 500, 375, 224, 256, "resnet50", 256, warm_up=15, seconds=45)
SMALL = Plan(64, 200, 150, 64, 80, "tiny", 16, warm_up=1, seconds=3)


def main() -> None:
    """Makes the data, measures each way in a process of its own, and prints the table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny network and few images")
    parser.add_argument("--ways", default=",".join(WAYS), help="some of them, separated by commas")
    parser.add_argument("--seconds", type=float, help="that are measured of each way")
    parser.add_argument("--way", choices=WAYS, help="used by the script itself")
    parser.add_argument("--data", help="used by the script itself")
    given = parser.parse_args()
    plan = SMALL if given.small else FULL
    plan = dataclasses.replace(plan, seconds=given.seconds or plan.seconds)
    if given.way:
        measure(given.way, Path(given.data), plan)
        return
    with tempfile.TemporaryDirectory() as root:
        rows = table_of(Path(root), plan, given)
    known = [{name: value for name, value in row.items() if value is not None} for row in rows]
    print(markdown(known, list(COLUMNS)))
    write_json(given.json, rows)


def table_of(root: Path, plan: Plan, given: argparse.Namespace) -> list[Row]:
    """Returns a row for each way."""
    save_photographs(root / "files", plan.files, plan.width, plan.height)
    if "pack_256" in given.ways:
        pack = [f"--dataset=folder:{root / 'files'}", f"--side={plan.side}", f"--output={root / 'pack_256'}"]
        subprocess.run([sys.executable, "-m", "aag_tf.commands.pack", *pack, "--noverify"], check=True)
    facts = {"machine": machine(), "gpu": gpu_name(), "versions": versions()}
    facts |= {"encoder": plan.encoder, "image_size": plan.image_size, "batch": plan.batch, "views": 2}
    rows = []
    for way in given.ways.split(","):
        size = ["--small"] if plan.encoder == SMALL.encoder else []
        command = [sys.executable, __file__, f"--way={way}", f"--data={root}", f"--seconds={plan.seconds}", *size]
        row = {"from": NAMES[way], **run_for_json(command), **facts}
        print(f"{row['from']}: {row['images_per_second']:,} images/s", file=sys.stderr, flush=True)
        rows.append(row)
    return rows


def gpu_name() -> str | None:
    """Returns the name of the first GPU; `None` without one."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def measure(way: str, root: Path, plan: Plan) -> None:
    """Trains for the seconds of the plan, and prints what was measured."""
    from interpreter_lock import find_py_spy
    from run_window import RunWindow, print_row

    from aag_tf import no_progress, train
    from aag_tf.config import AugmentConfig, DataConfig, EncoderConfig, RunConfig, ScheduleConfig, TrainConfig

    place = f"pack:{root / way}" if way == "pack_256" else f"folder:{root / 'files'}"
    config = TrainConfig(
        data=DataConfig(place, image_size=plan.image_size, validation_fraction=0),
        augment=AugmentConfig(aux="none", crop_min_area=0.08, crop_from=WAYS[way]),
        encoder=EncoderConfig(plan.encoder),
        # Float32 where a CPU has no bfloat16, which only the small plan is run on.
        schedule=ScheduleConfig(
            train_steps=10**6,
            global_batch_size=plan.batch,
            precision="mixed_bfloat16" if plan.encoder == FULL.encoder else "float32",
        ),
        run=RunConfig(
            run_dir=str(root / f"run_{way}"),
            log_every_steps=20,
            knn_every_epochs=0,
            projector_images=0,
            checkpoint_every_steps=10**6,
        ),
    )
    window = RunWindow(warm_up=plan.warm_up, seconds=plan.seconds, images=plan.batch, py_spy=find_py_spy())
    with no_progress():
        train(config, callbacks=[window])
    print_row(window)


if __name__ == "__main__":
    main()
