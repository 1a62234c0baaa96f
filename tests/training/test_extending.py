"""`--extend`: a run of which another one is the longer version, to the bit, and what cannot be made longer."""

import dataclasses
import hashlib
import json
import shlex
import shutil

import numpy as np
import pytest
import tensorflow as tf
import training_runs
from command_runs import ended
from training_runs import StopAfter, metrics, schedule

from aag_tf.config import AugmentConfig, EncoderConfig, OptimizerConfig, StartConfig
from aag_tf.runs import RunDirectory
from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.runs.checkpoints.manifest import Manifest
from aag_tf.runs.run import load_run
from aag_tf.training.train import plan, train
from aag_tf.utils.errors import AagError, ConfigError, RunDirectoryError

# Of six steps, 1 of warm-up and 3 of decay; of twelve, 6 of decay.
WSD = OptimizerConfig(lr_schedule="wsd", learning_rate=0.01, warmup_fraction=0.2, decay_fraction=0.5, ema_momentum=0.9)
TOTAL, CONSTANT, LONGER = 6, 3, 12


def settings(run_dir, total, *, optimizer=WSD, start=None, steps=None, **run):
    config = training_runs.settings(run_dir, **{"log_every_steps": 1, "checkpoints_to_keep": 1} | run)
    return dataclasses.replace(
        config,
        augment=AugmentConfig(aux="none"),
        optimizer=optimizer,
        schedule=schedule(train_steps=total, global_batch_size=32, **steps or {}),
        start=StartConfig(**start or {}),
    )


def longer(run_dir, source, total=LONGER, **changes):
    return settings(run_dir, total, start={"extend": str(source)}, **changes)


def saved(run_dir):
    """The steps of the checkpoints, and every array of the newest."""
    found = CheckpointStore(RunDirectory(run_dir).checkpoints).all()
    reader = tf.train.load_checkpoint(str(found[-1].prefix))
    names = reader.get_variable_to_shape_map()
    arrays = {name: reader.get_tensor(name) for name in names if not name.startswith("_CHECKPOINTABLE")}
    return [each.step for each in found], arrays


def assert_same_state(one, other):
    (_, first), (_, second) = saved(one), saved(other)
    assert first.keys() == second.keys()
    assert len(first) > 30  # networks, moments and averaged weights
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], name)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A run of six steps; tests must not change it."""
    path = tmp_path_factory.mktemp("short") / "run"
    train(settings(path, TOTAL))
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that had twelve steps from its beginning, with the warm-up of the short one."""
    path = tmp_path_factory.mktemp("whole") / "run"
    train(settings(path, LONGER, optimizer=dataclasses.replace(WSD, warmup_steps=1)))
    return path


def test_a_run_keeps_the_checkpoint_that_it_can_be_extended_from(short):
    assert saved(short)[0] == [CONSTANT, TOTAL]
    rates = [record["learning_rate"] for record in metrics(short)]
    falling = [1 - np.sqrt(1 / 3), 1 - np.sqrt(2 / 3), 0]
    np.testing.assert_allclose(rates, 0.01 * np.array([1, 1, 1, *falling]), rtol=1e-5)  # of the step that follows


def test_an_extended_run_is_the_longer_run_to_the_bit(short, whole, tmp_path):
    run_dir = tmp_path / "run"
    config = longer(run_dir, short)
    lines = plan(config).lines
    assert lines["weights"] == f"{short} (--extend), step 3: encoder, projector and optimizer"
    assert lines["steps"].startswith("9 left of 12, ")
    assert lines["learning rate"] == "constant until step 6, then to zero (--lr_schedule, --decay_fraction)"
    assert not run_dir.exists()
    result = train(config)
    assert (result.step, result.complete) == (LONGER, True)
    assert_same_state(run_dir, whole)
    assert metrics(run_dir) == metrics(whole)[CONSTANT:]
    assert saved(run_dir)[0] == [6, LONGER]
    manifest = short / "checkpoints" / f"step-{CONSTANT}" / "manifest.json"
    recorded = json.loads((run_dir / "run.json").read_text())
    assert recorded["flags"]["warmup_steps"] == 1
    assert recorded["initial_weights"] == {
        "source": str(short),
        "kind": "extended",
        "sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
        "step": CONSTANT,
        "projector": True,
    }
    assert "--warmup_steps=1" in (run_dir / "flags.txt").read_text().splitlines()


def test_an_extended_run_is_resumed_without_the_run_that_it_extends(short, whole, tmp_path):
    source = shutil.copytree(short, tmp_path / "source")
    config = longer(tmp_path / "run", source)
    assert train(config, callbacks=[StopAfter(2)]).step == CONSTANT + 2
    shutil.rmtree(source)
    resumed = dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True))
    assert train(resumed).complete  # as it was first called, where the warm-up is not in steps
    assert_same_state(tmp_path / "run", whole)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again_where_it_was(short, whole, tmp_path):
    source = shutil.copytree(short, tmp_path / "source")
    config = longer(tmp_path / "run", source)
    train(config, callbacks=[StopAfter(1)])
    resumed = dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True))
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    assert train(resumed).complete
    assert_same_state(tmp_path / "run", whole)
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    checkpoint = source / "checkpoints" / f"step-{CONSTANT}"
    (checkpoint / "manifest.json").unlink()
    (checkpoint / "manifest.json").write_text(Manifest.of(checkpoint, CONSTANT, 0.5).to_json())
    with pytest.raises(RunDirectoryError, match=r"--extend=.* is not what it was when the run began; restore it"):
        train(resumed)


def test_an_extended_run_is_extended_again_and_to_other_lengths(short, tmp_path):
    for total in (5, 7, 100):
        assert "(--extend), step 3:" in plan(longer(tmp_path / "run", short, total)).lines["weights"]
    train(longer(tmp_path / "first", short, 8))
    train(longer(tmp_path / "second", tmp_path / "first", LONGER))
    assert metrics(tmp_path / "second")[0]["step"] == 5  # the first was constant until step 4
    train(settings(tmp_path / "whole", LONGER, optimizer=dataclasses.replace(WSD, warmup_steps=1)))
    assert_same_state(tmp_path / "second", tmp_path / "whole")


def test_several_steps_in_a_call_end_before_the_decay(tmp_path):
    train(settings(tmp_path / "run", TOTAL, steps={"steps_per_execution": 2}))
    assert saved(tmp_path / "run")[0] == [2, TOTAL]


def command_in(error):
    """The command that a message ends with, in words."""
    message = str(error.value)
    return shlex.split(message[message.index("aag-train ") :].rstrip("."))


def named(config):
    """The same run with an encoder that commands know."""
    return dataclasses.replace(config, encoder=EncoderConfig("tiny", width=0.125))


def test_the_refusal_of_more_steps_names_a_command_that_works(tmp_path, capsys, monkeypatch):
    source = tmp_path / "my run"
    train(named(settings(source, TOTAL)))
    with pytest.raises(RunDirectoryError, match=r"--train_steps \(was 6, is 12\); .* extend it by a new run") as error:
        plan(named(settings(source, LONGER, resume=True)))
    command = command_in(error)
    assert command == [
        *("aag-train", f"--flagfile={source}/flags.txt", f"--run_dir={source}-12", f"--extend={source}"),
        "--train_steps=12",
    ]
    code, printed = ended(capsys, monkeypatch, *command)
    assert code == 0, printed
    train(named(settings(tmp_path / "whole", LONGER, optimizer=dataclasses.replace(WSD, warmup_steps=1))))
    assert_same_state(f"{source}-12", tmp_path / "whole")


def test_with_another_schedule_it_names_a_start_from_the_weights(tmp_path, capsys, monkeypatch):
    cosine = dataclasses.replace(WSD, lr_schedule="cosine")
    train(named(settings(tmp_path / "first", 2, optimizer=cosine)))
    started = {"init_from": str(tmp_path / "first"), "init_warmup_steps": 0}
    source = tmp_path / "run"
    train(named(settings(source, 2, optimizer=cosine, start=started)))
    with pytest.raises(
        RunDirectoryError, match=r"--train_steps \(was 2, is 5\); .* with a warm-up of its own"
    ) as error:
        plan(named(settings(source, 5, optimizer=cosine, start=started, resume=True)))
    command = command_in(error)
    assert command[-2:] == [f"--init_from={source}", "--train_steps=3"]
    code, printed = ended(capsys, monkeypatch, *command)
    assert code == 0, printed
    assert load_run(f"{source}-longer").record.initial_weights["step"] == 2
    with pytest.raises(ConfigError, match=r"--extend=.* has --lr_schedule=cosine, which ends at zero; ") as error:
        plan(named(longer(tmp_path / "other", source)))
    assert command_in(error)[-1] == f"--init_from={source}"


def test_fewer_steps_are_no_way_to_go_on(short):
    with pytest.raises(RunDirectoryError, match=r"\(was 6, is 4\); give the run's own values .*, or start a new --run"):
        plan(settings(short, 4, resume=True))


def test_what_cannot_be_extended_is_refused_in_one_sentence(short, tmp_path):
    ended_only = shutil.copytree(short, tmp_path / "ended")
    shutil.rmtree(ended_only / "checkpoints" / f"step-{CONSTANT}")
    untrained = shutil.copytree(short, tmp_path / "untrained")
    shutil.rmtree(untrained / "checkpoints")
    other = dataclasses.replace(WSD, learning_rate=0.02)
    (tmp_path / "empty").mkdir()
    cases = [
        (longer(tmp_path / "run", tmp_path / "nothing"), "is no run; name the --run_dir of a run with --lr_schedule"),
        (longer(tmp_path / "run", tmp_path / "empty"), "is no run; name"),
        (longer(tmp_path / "run", untrained), "has no checkpoint yet"),
        (longer(short, short, overwrite=True), "is the --run_dir itself; name a new --run_dir"),
        (longer(tmp_path / "run", ended_only), "has no checkpoint from before step 3, where .* --init_from="),
        (longer(tmp_path / "run", short, 4), r"begins to decay at step 2; give --train_steps=5 or more"),
        (
            longer(tmp_path / "run", short, optimizer=other),
            r"these differ: --learning_rate \(was 0.01, is 0.02\); add --flagfile=.*/flags.txt before",
        ),
        (
            longer(tmp_path / "run", short, optimizer=dataclasses.replace(WSD, warmup_steps=2)),
            r"these differ: --warmup_steps \(was 1, is 2\)",
        ),
    ]
    for config, message in cases:
        with pytest.raises(AagError, match=message) as refusal:
            plan(config)
        assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


def test_overwriting_a_run_begins_with_the_weights_that_are_asked_for(short, tmp_path):
    run_dir = tmp_path / "run"
    train(settings(run_dir, 2))
    tiny = dataclasses.replace(WSD, learning_rate=1e-9, ema_momentum=0.0)
    train(settings(run_dir, 1, optimizer=tiny, start={"init_from": str(short)}, overwrite=True))
    for weight, start in zip(
        load_run(run_dir).encoder.trainable_weights, load_run(short).encoder.trainable_weights, strict=True
    ):
        np.testing.assert_allclose(weight, start, atol=1e-6)
