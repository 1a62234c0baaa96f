"""Freezing, rates of layers and warm-up in real runs: what moves and what does not, also where a run is resumed."""

import dataclasses
import shutil

import numpy as np
import pytest
from processes import Process, finish
from small_runs import make_varied_run
from training_runs import schedule, train_elsewhere

from aag_tf.config import (
    AugmentConfig,
    EncoderConfig,
    OptimizerConfig,
    ProjectorConfig,
    RunConfig,
    StartConfig,
    TrainConfig,
)
from aag_tf.encoders.layer_order import layers_in_order
from aag_tf.runs.run import load_run
from aag_tf.training.train import train
from aag_tf.utils.errors import ConfigError

TINY = EncoderConfig("tiny", width=0.25)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    path = tmp_path_factory.mktemp("earlier") / "run"
    make_varied_run(path)
    return path


def settings(run_dir, source, *, steps=4, optimizer="adamw", changes=None, **start):
    return TrainConfig(
        augment=AugmentConfig(aux="none"),
        encoder=TINY,
        projector=ProjectorConfig(projector_width=16, projector_dim=8),  # another one than the run has
        start=StartConfig(init_from=str(source), **start),
        optimizer=OptimizerConfig(optimizer=optimizer, learning_rate=0.01, warmup_fraction=0.0),
        schedule=schedule(train_steps=steps, global_batch_size=32, **changes or {}),
        run=RunConfig(run_dir=str(run_dir), knn_every_epochs=0, projector_images=0),
    )


def weights(run_dir):
    return {weight.path: weight.numpy() for weight in load_run(run_dir).encoder.weights}


def moved(run_dir, source):
    """How far each weight of the encoder went."""
    before, after = weights(source), weights(run_dir)
    return {path: float(np.abs(after[path] - before[path]).max()) for path in before}


def first_weights(run_dir, share):
    """The paths of the weights of the first layers."""
    weighted = [layer for layer in layers_in_order(load_run(run_dir).encoder) if layer.weights]
    return {weight.path for layer in weighted[: round(share * len(weighted))] for weight in layer.weights}


def with_checkpoints(config, every):
    """The settings of a run that keeps a checkpoint of every so many steps."""
    run = dataclasses.replace(config.run, checkpoint_every_steps=every, checkpoints_to_keep=config.schedule.train_steps)
    return dataclasses.replace(config, run=run)


def forget_from(run_dir, step):
    """Leaves of a run what one that was killed at a step would have had."""
    for checkpoint in (run_dir / "checkpoints").iterdir():
        if int(checkpoint.name.removeprefix("step-")) >= step:
            shutil.rmtree(checkpoint)


def test_frozen_layers_are_those_of_the_source_to_the_bit(earlier, tmp_path):
    train(settings(tmp_path / "run", earlier, freeze_until="stage1_block1_add"))
    far = moved(tmp_path / "run", earlier)
    frozen = {path for path in far if path.startswith(("stem", "stage1"))}
    assert len(frozen) > 10
    assert {far[path] for path in frozen} == {0.0}
    assert min(far[path] for path in far.keys() - frozen) > 1e-4


def test_layers_close_to_the_images_move_less(earlier, tmp_path):
    train(settings(tmp_path / "run", earlier, steps=1, layer_decay=0.5))
    far = moved(tmp_path / "run", earlier)
    # The first step of Adam is the learning rate, whatever the gradient.
    assert far["stem/kernel"] == pytest.approx(0.01 * 0.5**11, rel=0.05)
    # The 15th of 18 layers, and so in the third group from the end.
    assert far["stage3_block1_conv2/kernel"] == pytest.approx(0.01 * 0.5**2, rel=0.05)


def test_only_new_parts_learn_at_first(earlier, tmp_path):
    train(with_checkpoints(settings(tmp_path / "run", earlier, steps=4, init_warmup_steps=3), every=1))
    far = moved(tmp_path / "run", earlier)
    trained = [path for path in far if not path.endswith(("moving_mean", "moving_variance"))]
    assert min(far[path] for path in trained) > 1e-5
    forget_from(tmp_path / "run", 4)
    far = moved(tmp_path / "run", earlier)
    assert {far[path] for path in trained} == {0.0}
    projector = load_run(tmp_path / "run").projector
    forget_from(tmp_path / "run", 2)
    first = load_run(tmp_path / "run").projector.get_weights()
    assert any(np.any(one != other) for one, other in zip(first, projector.get_weights(), strict=True))


@pytest.mark.parametrize("optimizer", ["adamw", "lars"])
def test_a_resumed_run_goes_on_as_if_nothing_had_happened(earlier, tmp_path, optimizer):
    gentle = {"freeze_until": "0.2", "layer_decay": 0.7, "init_warmup_steps": 3, "optimizer": optimizer}
    train(with_checkpoints(settings(tmp_path / "whole", earlier, steps=6, **gentle), every=2))
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    forget_from(tmp_path / "parts", 3)
    assert load_run(tmp_path / "parts").step == 2
    config = settings(tmp_path / "parts", earlier, steps=6, **gentle)
    train(dataclasses.replace(config, run=dataclasses.replace(config.run, resume=True)))
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    for path, weight in whole.items():
        np.testing.assert_array_equal(parts[path], weight, path)


def test_micro_batches_leave_frozen_layers_alone_too(earlier, tmp_path):
    gentle = {"freeze_until": "0.3", "layer_decay": 0.7}
    train(settings(tmp_path / "run", earlier, steps=2, changes={"accumulation_steps": 2}, **gentle))
    far = moved(tmp_path / "run", earlier)
    assert {far[path] for path in first_weights(earlier, 0.3)} == {0.0}
    assert far["stage3_block1_conv2/kernel"] > 0.0


def test_two_replicas_move_weights_as_one(earlier, tmp_path):
    gentle = {"freeze_until": "0.3", "layer_decay": 0.7, "init_warmup_steps": 1}
    # In processes of their own: TensorFlow cannot train different networks on several replicas in one.
    configs = [
        settings(tmp_path / name, earlier, optimizer="sgd", changes={"cpu_replicas": replicas}, **gentle)
        for name, replicas in (("one", None), ("two", 2))
    ]
    logs = [tmp_path / "one.txt", tmp_path / "two.txt"]
    codes, messages = finish(
        [Process(train_elsewhere, config, log=log) for config, log in zip(configs, logs, strict=True)]
    )
    assert codes == [0, 0], messages
    far, two = moved(tmp_path / "one", earlier), weights(tmp_path / "two")
    still = {path for path, distance in far.items() if distance == 0.0}
    assert still == first_weights(earlier, 0.3)
    for path, one in weights(tmp_path / "one").items():
        # Rounding: the sums of a step have another order, which differs by kind of processor too.
        atol = 0.01 * far[path] + (2e-6 if far[path] else 0.0)
        np.testing.assert_allclose(two[path], one, rtol=0.0, atol=atol, err_msg=path)


@pytest.mark.parametrize("until", ["0", "1.0", "2", "nan", "-0.5", ""])
def test_other_shares_are_refused(until):
    with pytest.raises(ConfigError, match="--freeze_until"):
        StartConfig(init_from="run", freeze_until=until)


def test_a_layer_that_is_not_there_is_refused_before_anything_is_written(earlier, tmp_path):
    with pytest.raises(ConfigError, match="--freeze_until=block5 is no layer of this encoder; name one, such as "):
        train(settings(tmp_path / "run", earlier, freeze_until="block5"))
    assert not (tmp_path / "run").exists()
