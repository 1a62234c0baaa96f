"""Several machines, played by processes on the loopback interface, through the command that users type."""

import json
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from command_runs import shallow_tiny
from processes import Process, aag_train, finish
from training_runs import train_own_encoder

from aag_tf import config as configs
from aag_tf.config import (
    AugmentConfig,
    EncoderConfig,
    LossConfig,
    OptimizerConfig,
    ProjectorConfig,
    RunConfig,
    ScheduleConfig,
    TrainConfig,
)
from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.runs.run import load_run
from aag_tf.training.train import train

pytestmark = pytest.mark.usefixtures("shallow")

STEPS = 4
SCHEDULE = {"train_steps": STEPS, "global_batch_size": 64, "precision": "float32", "jit_compile": "off"}


def settings(run_dir, **schedule) -> TrainConfig:
    return TrainConfig(
        augment=AugmentConfig(aux="none"),
        encoder=EncoderConfig(width=0.25),
        projector=ProjectorConfig(projector_width=16, projector_dim=8),
        loss=LossConfig(temperature=0.2),  # lower ones enlarge rounding
        optimizer=OptimizerConfig(optimizer="sgd", learning_rate=0.01),
        schedule=ScheduleConfig(**{**SCHEDULE, **schedule}),
        run=RunConfig(
            run_dir=str(run_dir), log_every_steps=1, checkpoint_every_steps=5, knn_every_epochs=0, projector_images=0
        ),
    )


def train_shallow(*flags: str) -> None:
    """`aag-train` of what `shallow` makes of `--encoder=tiny`, in a process of its own."""
    shallow_tiny(pytest.MonkeyPatch())
    aag_train(*flags)


@pytest.fixture
def start_all():
    """Starts a function once a worker, each with arguments of its own."""
    with ExitStack() as reserved:

        def free_address():
            # Nobody else is given the port while this is bound; a worker may share it, by TF_GRPC_REUSE_PORT.
            holder = reserved.enter_context(socket.socket())
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{holder.getsockname()[1]}"

        def start_all(function, run_dir, arguments):
            addresses = [free_address() for _ in arguments]
            processes = []
            for index, own in enumerate(arguments):
                task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
                environment = {
                    "TF_CONFIG": json.dumps(task) if len(arguments) > 1 else "",
                    "TF_GRPC_REUSE_PORT": "true",
                    "CUDA_VISIBLE_DEVICES": "-1",
                }
                log = run_dir.with_name(f"{run_dir.name}-{index}.txt")
                processes.append(Process(function, *own, log=log, environment=environment))
            return processes

        yield start_all


@pytest.fixture
def start(start_all):
    """Starts `train_shallow` once a worker, the chief first; `own` has flags that only one of them gets."""

    def start(config, *flags, workers=1, own=((), ())):
        lines = [[*configs.flag_lines(config), *flags, *own[index]] for index in range(workers)]
        return start_all(train_shallow, Path(config.run.run_dir), lines)

    return start


def losses(run_dir):
    path = run_dir / "metrics.jsonl"
    records = (
        [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        if path.exists()
        else []
    )
    return {record["step"]: record["loss"] for record in records if "loss" in record}


def test_two_workers_report_the_losses_of_one_and_only_the_chief_writes(tmp_path, start):
    two = start(settings(tmp_path / "two"), workers=2)
    micro_two = start(settings(tmp_path / "micro_two", accumulation_steps=2), workers=2)
    train(settings(tmp_path / "one"))
    train(settings(tmp_path / "micro", accumulation_steps=2))
    codes, messages = finish([*two, *micro_two])
    assert codes == [0] * 4, messages
    for alone, together in [("one", "two"), ("micro", "micro_two")]:
        expected = losses(tmp_path / alone)
        assert sorted(expected) == list(range(1, STEPS + 1))
        assert len(set(expected.values())) == STEPS
        assert losses(tmp_path / together) == pytest.approx(expected, rel=1e-5)
        for found, weight in zip(
            load_run(str(tmp_path / together)).encoder.weights,
            load_run(str(tmp_path / alone)).encoder.weights,
            strict=True,
        ):
            np.testing.assert_allclose(found, weight, rtol=1e-3, atol=1e-4)
    assert len(list((tmp_path / "two").glob("events*"))) == 1


def test_workers_begin_with_the_weights_that_the_chief_was_handed(tmp_path, start_all):
    reported = []
    for name, seeds in (("one", [1]), ("two", [1, 2])):
        config = settings(tmp_path / name, train_steps=4)
        codes, messages = finish(start_all(train_own_encoder, tmp_path / name, [(config, seed) for seed in seeds]))
        assert codes == [0] * len(seeds), messages
        reported.append(losses(tmp_path / name))
    assert reported[1] == pytest.approx(reported[0], rel=1e-5)


def test_a_lost_worker_stops_the_others_and_resume_goes_on_until_one_is_asked_to_stop(tmp_path, start):
    config = settings(tmp_path / "run", train_steps=100_000)
    processes = start(config, workers=2)
    processes[0].wait_for(lambda: list((tmp_path / "run").glob("checkpoints/step-*")))
    processes[1].send(signal.SIGKILL)
    codes, messages = finish(processes)
    assert codes == [3, -signal.SIGKILL], messages
    assert "worker 0 of 2 has lost another worker" in messages[0]
    assert "--resume" in messages[0]
    assert "Traceback" not in messages[0]
    reached = load_run(str(tmp_path / "run")).step

    processes = start(config, "--resume", workers=2)
    # Not for a loss: the run before may have left some of later steps than its last checkpoint.
    processes[0].wait_for(lambda: CheckpointStore(tmp_path / "run" / "checkpoints").all()[-1].step > reached)
    processes[1].send(signal.SIGTERM)
    codes, messages = finish(processes)
    assert codes == [143, 143], messages
    steps = sorted(losses(tmp_path / "run"))
    assert steps == list(range(1, load_run(str(tmp_path / "run")).step + 1))


def test_workers_with_other_flags_are_refused_before_the_first_step(tmp_path, start):
    processes = start(settings(tmp_path / "run"), workers=2, own=(["--temperature=0.2"], ["--temperature=0.3"]))
    codes, messages = finish(processes)
    # The first to notice leaves, and the other may then miss it before it has noticed itself.
    assert set(codes) <= {2, 3}, messages
    assert 2 in codes, messages
    assert "worker 1 was started with other flags" in messages[codes.index(2)]
    assert not (tmp_path / "run").exists()
