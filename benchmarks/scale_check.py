"""Checks the model of `scale_model.py` by real runs of several workers on this machine.

    python benchmarks/scale_check.py --json=scale_check.json       # about ten minutes on two idle cores
    python benchmarks/scale_check.py --small                       # two short scenarios, to try the script

Workers are processes on loopback that train through `aag_tf.train` under `MultiWorkerMirroredStrategy`. Input,
collectives and the order of the images are real; the encoder is a stub that waits as long as it is told, so that
several workers fit on one machine. First the script measures what the model is told: processor time of the input for an
image, time of a step of the stub without waiting, time of collectives on loopback. Then each scenario is predicted and
run, and its step time and the bytes on loopback are compared. In each run every row of the first two steps must be read
by the worker that the model says, and its views must be, to the bit, those that one process reads.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmark_tools import Row, argument_parser, markdown, run_for_json, write_json
from photographs import save_photographs
from provenance import machine, versions
from scale_traffic import Network, Step, sending_seconds, traffic, waiting_seconds
from scale_workers import FEATURES, TAPPED_STEPS, Scenario, batches_seen, run, run_together

FILES, SMALL_FILES = 768, 96
VIEWS, SIDE = 2, 64
INPUT_WARM_UP, INPUT_BATCHES = 5, 20
# Payload of gRPC's and TensorFlow's own, a message; measured by the bytes of the smallest collectives.
MESSAGE_BYTES = 300
COLUMNS = (
    *("scenario", "workers", "limit", "predicted_step_ms", "step_ms", "step_off"),
    *("predicted_kib", "step_kib", "bytes_off", "data_wait_share", "order"),
)


def scenarios(root: Path, *, small: bool) -> list[Scenario]:
    """The runs: one for each wall of the model."""
    files, large, pack = f"folder:{root / 'files'}", f"folder:{root / 'large'}", f"pack:{root / 'pack'}"
    usual = {
        "image_size": SIDE,
        "norms": 0,
        "width": 0,
        "dim": 128,
        "warm_up": 40,
        "steps": 40,
        "crop_from": "source",
    }

    def one(name: str, workers: int, dataset: str, batch: int, wait_ms: float, **changes: int) -> Scenario:
        directory = str(root / name.replace(" ", "_"))
        return Scenario(
            name=name,
            workers=workers,
            dataset=dataset,
            batch=batch,
            wait_ms=wait_ms,
            directory=directory,
            **{**usual, **changes},  # type: ignore[arg-type]
        )

    if small:
        short = {"warm_up": 4, "steps": 8}
        return [
            one("encoder", 2, files, 16, 10.0, **short),
            one("gradients", 2, pack, 16, 1.0, width=4096, norms=2, **short),
        ]
    drained = {"warm_up": 120, "steps": 60}  # what was read while the first step was compiled
    return [
        one("encoder", 2, files, 32, 10.0),
        one("encoder, four", 4, files, 32, 10.0),
        one("input from files", 2, large, 64, 0.25, **drained),
        one("input from a pack", 2, pack, 64, 0.25, **drained),
        one("gradients", 2, files, 32, 2.0, width=16_384),
        one("gradients, four", 4, files, 32, 2.0, width=16_384),
        one("normalization", 2, files, 32, 2.0, norms=40),
        one("projections", 2, files, 64, 1.0, dim=4096),
    ]


def main() -> None:
    """Measures what the model needs, runs the scenarios, and prints the table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--small", action="store_true", help="two short scenarios")
    parser.add_argument("--input", nargs=2, metavar=("DATASET", "BATCH"), help="used by the script itself")
    given = parser.parse_args()
    if given.input:
        measure_input(given.input[0], int(given.input[1]))
        return
    with tempfile.TemporaryDirectory() as directory:
        rows = check(Path(directory), small=given.small)
    print(markdown(rows, list(COLUMNS)))
    write_json(given.json, rows)


def check(root: Path, *, small: bool) -> list[Row]:
    """Returns a row for each scenario."""
    save_photographs(root / "files", SMALL_FILES if small else FILES, 500, 375)
    save_photographs(root / "large", SMALL_FILES if small else FILES // 4, 1500, 1000)
    pack = [f"--dataset=folder:{root / 'large'}", f"--output={root / 'pack'}", "--noverify"]
    subprocess.run([sys.executable, "-m", "aag_tf.commands.pack", *pack], check=True, stdout=subprocess.DEVNULL)
    measured = Measured(root)
    rows = []
    for scenario in scenarios(root, small=small):
        began = time.monotonic()
        row = {**compared(scenario, measured), "machine": machine(), "versions": versions()}
        print(f"{scenario.name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        rows.append(row)
    return rows


class Measured:
    """What the model is told about this machine, each measured when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._input: dict[tuple[str, int], float] = {}
        self._step: dict[tuple[int, int, int, int], float] = {}
        self._network: dict[int, Network] = {}
        self._views: dict[tuple[str, int], dict[tuple[int, int], str]] = {}

    def input_ms(self, scenario: Scenario) -> float:
        """Processor time of the input for one image, in ms."""
        key = (scenario.dataset, scenario.batch)
        if key not in self._input:
            command = [sys.executable, __file__, "--input", scenario.dataset, str(scenario.batch)]
            self._input[key] = run_for_json(command)["cpu_ms"]
        return self._input[key]

    def own_step_ms(self, scenario: Scenario) -> float:
        """Time of a worker's share of a step that waits for nothing and reads images in memory, in ms."""
        share = scenario.batch // scenario.workers
        key = (share, scenario.width, scenario.norms, scenario.dim)
        if key not in self._step:
            alone = dataclasses.replace(
                scenario,
                name="alone",
                workers=1,
                batch=share,
                wait_ms=0.0,
                warm_up=min(scenario.warm_up, 40),
                steps=min(scenario.steps, 40),
                dataset=f"folder:{self.root / 'files'}",
                crop_from="image",
                directory=str(self.root / "alone"),
            )
            self._step[key] = run(alone)["step_ms"]
        return self._step[key]

    def network(self, workers: int) -> Network:
        """Cost of collectives between so many workers."""
        if workers not in self._network:
            file = self.root / f"loopback-{workers}.json"
            write_json(str(file), {"workers": workers})
            row = run_together(file, workers, str(Path(__file__).with_name("scale_loopback.py")))
            costs = row["reduce_ms"] / 1000, row["gather_ms"] / 1000, row["bytes_per_second"]
            self._network[workers] = Network(*costs)
        return self._network[workers]

    def views_of_one_process(self, scenario: Scenario) -> dict[tuple[int, int], str]:
        """Digest of the views of each (step, row) of the first steps, read by a single process."""
        key = (scenario.dataset, scenario.batch)
        if key not in self._views:
            place = str(self.root / "one")
            alone = dataclasses.replace(
                scenario, name="one", workers=1, wait_ms=0.0, warm_up=1, steps=TAPPED_STEPS, directory=place
            )
            run(alone)
            self._views[key] = {place: digest for place, (_, digest) in batches_seen(alone).items()}
        return self._views[key]


def compared(scenario: Scenario, measured: Measured) -> Row:
    """Predicts a scenario, runs it, and returns both."""
    share, cores = scenario.batch // scenario.workers, os.cpu_count() or 1
    input_ms = measured.input_ms(scenario)
    own_ms = measured.own_step_ms(scenario) + share * VIEWS * scenario.wait_ms
    network = measured.network(scenario.workers)
    seen = run(scenario)
    step = Step(
        batch=scenario.batch,
        views=VIEWS,
        dim=scenario.dim,
        replicas=scenario.workers,
        parameters=seen["parameters"],
        norm_channels=(FEATURES,) * scenario.norms,
    )
    waiting, sending = 1000 * waiting_seconds(step, network), 1000 * sending_seconds(step, network)
    parts = {"encoder": own_ms, "collectives": waiting, "bytes": sending}
    work, reading = sum(parts.values()), scenario.batch * input_ms / cores
    predicted_bytes = predicted_loopback(step)
    return {
        "scenario": scenario.name,
        "workers": scenario.workers,
        "limit": "input" if reading > work else max(parts, key=lambda name: parts[name]),
        "predicted_step_ms": round(max(work, reading), 1),
        "step_ms": round(seen["step_ms"], 1),
        "step_off": off(seen["step_ms"], max(work, reading)),
        "predicted_kib": round(predicted_bytes / 1024, 1),
        "step_kib": round(seen["step_bytes"] / 1024, 1),
        "bytes_off": off(seen["step_bytes"], predicted_bytes),
        "data_wait_share": round(seen["data_wait_share"], 3),
        "order": order_of(scenario, measured),
        "parts_ms": {**{name: round(each, 2) for name, each in parts.items()}, "input": round(reading, 2)},
        "input_cpu_ms": round(input_ms, 3),
        "network": {name: round(value, 6) for name, value in network._asdict().items()},
        "collectives": seen["collectives"],
        "cores_used_by_first": round(seen["cores_used"], 2),
        "own_network": seen["own_network"],
        "settings": dataclasses.asdict(scenario) | {"dataset": Path(scenario.dataset).name, "directory": ""},
    }


def predicted_loopback(step: Step) -> float:
    """Bytes of all workers together in a step, with what a message costs beside its payload."""
    sent = traffic(step).values()
    messages = sum(2 * each.reduces + each.gathers for each in sent) * (step.replicas - 1)
    return step.replicas * (sum(each.bytes for each in sent) + messages * MESSAGE_BYTES)


def order_of(scenario: Scenario, measured: Measured) -> str:
    """Compares the rows of each worker with those of one process; `same`, or what is wrong."""
    seen, expected = batches_seen(scenario), measured.views_of_one_process(scenario)
    if set(seen) != {(step, row) for step in range(TAPPED_STEPS) for row in range(scenario.batch)}:
        return "rows are missing"
    share = scenario.batch // scenario.workers
    if any(worker != row // share for (_, row), (worker, _) in seen.items()):
        return "a worker read rows of another"
    if any(digest != expected[place] for place, (_, digest) in seen.items()):
        return "views differ from those of one process"
    return "same"


def off(seen: float, predicted: float) -> str:
    """How far what was seen is from what was predicted."""
    return f"{seen / predicted - 1:+.0%}" if predicted else "–"


def measure_input(dataset: str, batch: int) -> None:
    """Prints the processor time of an image of the input, as a run of the stub reads it."""
    from aag_tf.augment import MainBranch, ViewMaker
    from aag_tf.config import DataConfig
    from aag_tf.data import open_source, training_batches

    images = open_source(DataConfig(dataset, image_size=SIDE, validation_fraction=0), "source").train.images
    cutting = ViewMaker(MainBranch(size=(SIDE, SIDE)), None).cutting(0)
    batches = iter(
        training_batches(images, global_batch_size=batch, seed=0, start_step=0, num_steps=10**5, cutting=cutting)
    )
    for _ in range(INPUT_WARM_UP):
        next(batches)
    began = time.process_time()
    for _ in range(INPUT_BATCHES):
        next(batches)
    print(json.dumps({"cpu_ms": 1000 * (time.process_time() - began) / (INPUT_BATCHES * batch)}))


if __name__ == "__main__":
    main()
