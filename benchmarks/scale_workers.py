"""Workers of a simulated cluster: real input, real collectives, and a stub encoder that takes the time it is told to.

Used by `scale_check.py`. Workers are processes on loopback. Where the system allows it, they have a network of their
own (`unshare --net`), so that its byte counters hold nothing else.
"""

import collections
import dataclasses
import functools
import hashlib
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmark_tools import Row

OWN_NETWORK = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
FEATURES = 64
TAPPED_STEPS = 2  # whose batches are compared with those of one process


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A run of the simulation.

    Args:
        name: what it shows.
        workers: processes.
        dataset: value of `--dataset`.
        batch: images of a step, over all workers.
        image_size: of the views.
        wait_ms: what the encoder takes for one view; it waits so long and computes next to nothing.
        width: of the stub's dense layer, which decides the size of the gradients.
        norms: layers of batch normalization in the stub.
        dim: of the projections.
        warm_up, steps: steps that do not count, and that do.
        crop_from: as `--crop_from`.
        directory: for runs and what they saw.
    """

    name: str
    workers: int
    dataset: str
    batch: int
    image_size: int
    wait_ms: float
    width: int
    norms: int
    dim: int
    warm_up: int
    steps: int
    crop_from: str
    directory: str


def run(scenario: Scenario) -> Row:
    """Runs a scenario in processes of its own; returns what the first worker measured.

    Raises:
        RuntimeError: a worker failed; the message ends with what it said.
    """
    directory = Path(scenario.directory)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    file = directory / "scenario.json"
    file.write_text(json.dumps(dataclasses.asdict(scenario)))
    return run_together(file, scenario.workers, __file__)


def run_together(file: Path, workers: int, script: str) -> Row:
    """Runs `script FILE INDEX` as each worker of a cluster; returns what the first printed.

    Raises:
        RuntimeError: a worker failed; the message ends with what it said.
    """
    prefix = OWN_NETWORK if has_own_network() else ()
    command = [*prefix, sys.executable, __file__, str(file), str(workers), script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{file} failed:\n{done.stderr[-3000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "own_network": bool(prefix)}


@functools.cache
def has_own_network() -> bool:
    """Whether processes can be given a network of their own here."""
    try:
        return subprocess.run([*OWN_NETWORK, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def batches_seen(scenario: Scenario) -> dict[tuple[int, int], tuple[int, str]]:
    """Returns `{(step, row): (worker, digest of the views)}` of the first steps, as the workers of a run saw them.

    Raises:
        ValueError: two workers had the same row.
    """
    seen: dict[tuple[int, int], tuple[int, str]] = {}
    for worker in range(scenario.workers):
        for line in (Path(scenario.directory) / f"seen-{worker}.jsonl").read_text().splitlines():
            batch = json.loads(line)
            for row, digest in zip(batch["rows"], batch["digests"], strict=True):
                if (batch["step"], row) in seen:
                    raise ValueError(f"row {row} of step {batch['step']} was read by two workers")
                seen[batch["step"], row] = (worker, digest)
    return seen


def start_all(file: Path, workers: int, script: str) -> None:
    """Starts a process for each worker, waits for all, and passes on what the first printed."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    processes = []
    for index in range(workers):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
        environment |= {"TF_CONFIG": json.dumps(task)} if workers > 1 else {}
        log = (file.parent / f"worker-{index}.txt").open("w")
        command = [sys.executable, script, str(file), str(index)]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True))
    printed = [process.communicate()[0] for process in processes]
    failed = [index for index, process in enumerate(processes) if process.returncode != 0]
    if failed:
        raise SystemExit((file.parent / f"worker-{failed[0]}.txt").read_text())
    print(printed[0].splitlines()[-1])


def free_ports(count: int) -> list[int]:
    """Returns ports that nobody listens at."""
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def loopback_bytes() -> int:
    """Bytes that went over this network's loopback so far."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        if line.strip().startswith("lo:"):
            return int(line.partition(":")[2].split()[0])
    return 0


def train_worker(scenario: Scenario, index: int) -> None:
    """Trains as one worker, through the package's own entry; prints a row of what it measured."""
    import keras
    import tensorflow as tf

    from aag_tf import no_progress
    from aag_tf.config import (
        AugmentConfig,
        DataConfig,
        OptimizerConfig,
        ProjectorConfig,
        RunConfig,
        ScheduleConfig,
        TrainConfig,
    )
    from aag_tf.training.train_function import DATA_WAIT

    entry = importlib.import_module("aag_tf.training.train")

    @keras.saving.register_keras_serializable(package="scale_workers")
    class Wait(keras.layers.Layer):
        """Waits `milliseconds` for each row of a batch, as an encoder on another device would compute."""

        def __init__(self, milliseconds: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.milliseconds = milliseconds

        def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
            if not training or self.milliseconds == 0:
                return inputs

            def wait(rows: Any) -> Any:
                time.sleep(self.milliseconds * int(rows) / 1000)
                return rows

            done = tf.numpy_function(wait, [tf.shape(inputs)[0]], tf.int32)
            with tf.control_dependencies([done]):
                return tf.identity(inputs)

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "milliseconds": self.milliseconds}

    def stub() -> keras.Model:
        images = keras.Input((scenario.image_size, scenario.image_size, 3))
        x = keras.layers.AveragePooling2D(scenario.image_size // 4)(keras.layers.Rescaling(1 / 255)(images))
        x = keras.layers.Dense(FEATURES)(keras.layers.Flatten()(x))
        for _ in range(scenario.norms):
            x = keras.layers.BatchNormalization()(x)
        if scenario.width:
            x = keras.layers.Dense(FEATURES)(keras.layers.Dense(scenario.width)(x))
        return keras.Model(images, Wait(scenario.wait_ms)(x))

    class Window(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.row: Row = {}
            self.waited = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch + 1 == scenario.warm_up:
                self.began, self.bytes, self.cpu = time.perf_counter(), loopback_bytes(), time.process_time()
            elif batch + 1 > scenario.warm_up:
                self.waited += float(logs[DATA_WAIT])
            if batch + 1 == scenario.warm_up + scenario.steps:
                seconds = time.perf_counter() - self.began
                self.row = {
                    "step_ms": 1000 * seconds / scenario.steps,
                    "step_bytes": (loopback_bytes() - self.bytes) / scenario.steps,
                    "data_wait_share": self.waited / seconds,
                    "cores_used": (time.process_time() - self.cpu) / seconds,
                    "parameters": sum(int(tf.size(each)) for each in self.model.trained_variables),
                    "collectives": count_collectives(self.model),
                }

    seen = (Path(scenario.directory) / f"seen-{index}.jsonl").open("w")

    def note(step: Any, rows: Any, views: Any) -> Any:
        digests = [hashlib.sha256(each.tobytes()).hexdigest()[:16] for each in views]
        seen.write(json.dumps({"step": int(step[0]), "rows": rows.tolist(), "digests": digests}) + "\n")
        seen.flush()
        return step

    def tap(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        step, views = batch["step"], batch["crops" if "crops" in batch else "image"]

        def noted() -> tf.Tensor:
            return tf.numpy_function(note, [step, batch["row"], views], tf.int64)

        checked = tf.cond(step[0] < TAPPED_STEPS, noted, lambda: step)
        return {**batch, "step": tf.ensure_shape(checked, step.shape)}

    batches = entry.training_batches
    entry.training_batches = lambda *given, **named: batches(*given, **named).map(tap)
    config = TrainConfig(
        data=DataConfig(scenario.dataset, image_size=scenario.image_size, validation_fraction=0),
        augment=AugmentConfig(
            aux="none", color_strength=0, grayscale_probability=0, flip=False, crop_from=scenario.crop_from
        ),
        projector=ProjectorConfig(projector_depth=1, projector_dim=scenario.dim),
        optimizer=OptimizerConfig(optimizer="sgd", learning_rate=0.001),
        schedule=ScheduleConfig(
            train_steps=scenario.warm_up + scenario.steps,
            global_batch_size=scenario.batch,
            precision="float32",
            jit_compile="off",
        ),
        run=RunConfig(
            run_dir=str(Path(scenario.directory) / "run"),
            log_every_steps=10**6,
            knn_every_epochs=0,
            projector_images=0,
            checkpoint_every_steps=10**6,
        ),
    )
    window = Window()
    with no_progress():
        entry.train(config, encoder=stub, callbacks=[window])
    print(json.dumps(window.row))


def count_collectives(model: Any) -> dict[str, int]:
    """Returns how many collectives of each kind the graph of a step has."""
    found: collections.Counter[str] = collections.Counter()
    for function in model.train_function._list_all_concrete_functions()[:1]:
        graph = function.graph.as_graph_def()
        for nodes in (graph.node, *(each.node_def for each in graph.library.function)):
            found.update(node.op for node in nodes if node.op.startswith("Collective"))
    return dict(found)


def main() -> None:
    """Starts all workers of a scenario, or is one of them."""
    file, number, *script = sys.argv[1:]
    if script:
        start_all(Path(file), int(number), script[0])
    else:
        train_worker(Scenario(**json.loads(Path(file).read_text())), int(number))


if __name__ == "__main__":
    main()
