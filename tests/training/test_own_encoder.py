"""A model given to `train`: training starts from its weights, and commands find it again in the run directory."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import training_runs
from training_runs import STEPS

from aag_tf.augment import MainBranch
from aag_tf.config import (
    AugmentConfig,
    EncoderConfig,
    EvaluateConfig,
    ExportConfig,
    OptimizerConfig,
    ProtocolConfig,
)
from aag_tf.encoders import describe_encoder
from aag_tf.evaluation import evaluate
from aag_tf.export import export
from aag_tf.runs.exported import load_saved_model
from aag_tf.runs.run import load_run
from aag_tf.training.train import train
from aag_tf.utils.errors import ConfigError, RunDirectoryError

layers = keras.layers


def own_encoder(width=6, *, last=()):
    body = [layers.Rescaling(1 / 255), layers.Conv2D(width, 3, strides=2), layers.BatchNormalization(), layers.ReLU()]
    return keras.Sequential([keras.Input((8, 8, 1)), *body, layers.GlobalAveragePooling2D(), *last])


def functional_encoder():
    """Two ways through that meet again, as only a functional model has them."""
    images = keras.Input((8, 8, 1))
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(layers.Rescaling(1 / 255)(images))
    x = layers.Add()([x, layers.Conv2D(6, 3, padding="same")(x)])
    return keras.Model(images, layers.GlobalAveragePooling2D()(x))


def settings(run_dir, **run):
    """Settings of a run on two views, quick to trace."""
    return dataclasses.replace(training_runs.settings(run_dir, **run), augment=AugmentConfig(aux="none"))


def at_rest(run_dir, **run):
    """Settings under which weights hardly move."""
    config = settings(run_dir, **run)
    return dataclasses.replace(config, optimizer=OptimizerConfig(optimizer="sgd", learning_rate=1e-9, ema_momentum=0.9))


@pytest.fixture(scope="module")
def own_run(tmp_path_factory):
    """Directory of a finished run of `own_encoder` with an embedding of 5 numbers; tests must not change it."""
    run_dir = tmp_path_factory.mktemp("runs") / "own"
    train(settings(run_dir), encoder=own_encoder(last=[layers.Dense(5, name="embedding")]))
    return run_dir


@pytest.mark.parametrize("build", [own_encoder, functional_encoder])
def test_a_run_starts_from_the_given_weights_leaves_them_alone_and_goes_on_with_or_without_them(build, tmp_path):
    keras.utils.set_random_seed(7)
    model = build()
    before = model.get_weights()
    config = at_rest(tmp_path / "run")
    train(config, encoder=model)
    for weight, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    run = load_run(tmp_path / "run")
    assert run.record.config.encoder.encoder == "own"
    for weight, start in zip(run.encoder.trainable_weights, model.trainable_weights, strict=True):
        np.testing.assert_allclose(weight, start, atol=1e-6)

    resumed = at_rest(tmp_path / "run", resume=True)
    assert train(resumed, encoder=build()).step == STEPS
    noted = dataclasses.replace(resumed, encoder=run.record.config.encoder)  # as its flag file says
    assert train(noted).step == STEPS
    with pytest.raises(RunDirectoryError, match="--resume needs the encoder that the run began with"):
        train(resumed, encoder=own_encoder(width=7))


def test_a_normalization_keeps_what_it_was_fitted_to(tmp_path):
    images = np.random.default_rng(0).integers(0, 17, (200, 8, 8, 1), np.uint8)
    normalization = layers.Normalization(axis=-1)
    normalization.adapt(images)
    body = [normalization, layers.Conv2D(6, 3), layers.GlobalAveragePooling2D()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *body])
    train(at_rest(tmp_path / "run"), encoder=model)
    np.testing.assert_allclose(load_run(tmp_path / "run").encoder(images), model(images), atol=1e-3)
    protocol = ProtocolConfig(knn_k=5, measures="unlabeled", baselines="untrained")
    # A path in place of a string.
    evaluation = evaluate(EvaluateConfig(run_dir=tmp_path / "run", protocol=protocol))
    assert [result.features for result in evaluation.results] == ["untrained encoder", "trained encoder"]


def test_on_several_machines_it_must_be_a_function(tmp_path, monkeypatch):
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    for given in ({"encoder": own_encoder()}, {"auxiliary": MainBranch()}):
        with pytest.raises(
            ConfigError, match=f"several machines train.{next(iter(given))}=.* a function that builds it"
        ):
            train(training_runs.settings(tmp_path / "run"), **given)


def test_commands_find_it_again(own_run, tmp_path):
    run_dir = shutil.copytree(own_run, tmp_path / "run")
    protocol = ProtocolConfig(knn_k=5, measures="knn", baselines="untrained")
    evaluation = evaluate(EvaluateConfig(run_dir=str(run_dir), protocol=protocol))
    assert [(result.features, result.dim) for result in evaluation.results] == [
        ("untrained encoder", 5),
        ("trained encoder", 5),
    ]
    made = {"export_dir": str(tmp_path / "served"), "signatures": "serving_default", "verify": False}
    export(ExportConfig(run_dir=str(run_dir), **made))
    saved = load_saved_model(tmp_path / "served")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    np.testing.assert_allclose(saved(pixels), load_run(run_dir).encoder(pixels), atol=1e-5)
    output = tmp_path / "exported.json"
    again = EvaluateConfig(saved_model=str(tmp_path / "served"), protocol=protocol, output=str(output), report=False)
    assert [result.dim for result in evaluate(again).results] == [5, 5]


def test_a_run_without_a_checkpoint_needs_its_weights_again(tmp_path):
    run_dir = tmp_path / "run"
    train(at_rest(run_dir), encoder=own_encoder())
    noted = dataclasses.replace(at_rest(run_dir, resume=True), encoder=load_run(run_dir).record.config.encoder)
    for step in (run_dir / "checkpoints").iterdir():
        shutil.rmtree(step)
    with pytest.raises(RunDirectoryError, match=r"no checkpoint yet, so that the weights .* pass it again"):
        train(noted)
    model = own_encoder()
    train(at_rest(run_dir, resume=True), encoder=model)
    for weight, start in zip(load_run(run_dir).encoder.trainable_weights, model.trainable_weights, strict=True):
        np.testing.assert_allclose(weight, start, atol=1e-6)


def test_on_several_machines_a_run_of_its_own_encoder_takes_it_at_every_start(tmp_path, monkeypatch):
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    noted = dataclasses.replace(settings(tmp_path / "run", resume=True), encoder=EncoderConfig(encoder="own"))
    with pytest.raises(ConfigError, match="takes it at every start"):
        train(noted)


class Unregistered(layers.Layer):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3)]), "does not map one batch of images"),
        (lambda: keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten()]), r"takes images of shape \[8, 8, 3\]"),
        (lambda: own_encoder(last=[layers.Lambda(lambda x: x)]), "cannot be built again from its description"),
        (lambda: own_encoder(last=[Unregistered()]), "register your own with keras.saving"),
        (lambda: keras.Sequential([layers.Flatten()]), "does not map one batch of images"),
    ],
)
def test_a_model_that_is_not_an_encoder_is_refused_in_one_sentence(build, message):
    with pytest.raises(ConfigError, match=message) as refusal:
        describe_encoder(build(), (8, 8, 1))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "build", "message"),
    [
        ("encoder", layers.Flatten, r"encoder=\.\.\.\) takes a Model .* got a Flatten; .* keras.Sequential"),
        ("auxiliary", lambda: layers.RandomRotation(0.1), r"takes a Branch .* got a RandomRotation; .* LayersBranch"),
        ("auxiliary", lambda: [MainBranch()], "got a list"),
    ],
)
def test_an_object_of_another_type_is_refused_whether_built_or_not(name, build, message, tmp_path):
    for given in (build, build()):
        with pytest.raises(ConfigError, match=message):
            train(training_runs.settings(tmp_path / "run"), **{name: given})
    with pytest.raises(ConfigError, match="got a NoneType"):
        train(training_runs.settings(tmp_path / "run"), **{name: lambda: None})
    assert not (tmp_path / "run").exists()


def test_a_run_without_its_model_is_not_begun_again(own_run, tmp_path):
    config = load_run(own_run).record.config
    with pytest.raises(ConfigError, match="--encoder=own is what a run records"):
        train(dataclasses.replace(config, run=dataclasses.replace(config.run, run_dir=str(tmp_path / "again"))))
    assert not (tmp_path / "again").exists()
