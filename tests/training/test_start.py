"""`--init_from`: a run starts from the weights of another, an export, a file or ImageNet, and records which."""

import dataclasses
import hashlib
import json
import shutil
import zipfile

import keras
import numpy as np
import pytest
from encoder_files import save_legacy
from small_runs import STEP, make_run, make_varied_run, save_images
from training_runs import schedule

from aag_tf.config import (
    AugmentConfig,
    DataConfig,
    EncoderConfig,
    ExportConfig,
    OptimizerConfig,
    ProjectorConfig,
    RunConfig,
    StartConfig,
    TrainConfig,
)
from aag_tf.encoders import build_encoder, plain_encoder, weight_shapes
from aag_tf.encoders.channels import fit_channels
from aag_tf.export import export
from aag_tf.runs.run import load_run
from aag_tf.training.custom_components import CustomComponents
from aag_tf.training.open_run import open_run
from aag_tf.training.train import plan, train
from aag_tf.utils.errors import AagError, ConfigError, RunDirectoryError

TINY = EncoderConfig("tiny", width=0.25)
PROJECTOR = ProjectorConfig(projector_depth=1, projector_width=8, projector_dim=4)  # as `make_run` has it
layers = keras.layers


def settings(run_dir, init_from, *, encoder=TINY, projector=PROJECTOR, dataset="digits", steps=1, start=None, **run):
    """A run under which weights hardly move."""
    return TrainConfig(
        data=DataConfig(dataset=dataset),
        augment=AugmentConfig(aux="none"),
        encoder=encoder,
        projector=projector,
        start=StartConfig(init_from=init_from and str(init_from), **start or {}),
        optimizer=OptimizerConfig(optimizer="sgd", learning_rate=1e-9),
        schedule=schedule(train_steps=steps, global_batch_size=32),
        run=RunConfig(run_dir=str(run_dir), knn_every_epochs=0, projector_images=0, **run),
    )


def begin(config):
    """Begins a run as `train` does, up to its first step: it has a checkpoint of the weights to start from."""
    with open_run(config, CustomComponents()):
        pass


def assert_starts(run_dir, encoder_weights):
    """The run's trainable weights are those; its statistics may have moved by a step."""
    run = load_run(run_dir)
    assert len(run.encoder.weights) == len(encoder_weights)
    for weight, start in zip(run.encoder.weights, encoder_weights, strict=True):
        if weight.trainable:
            np.testing.assert_allclose(weight, start, atol=1e-6)
    return run


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A run on digits, and its encoder; tests must not change it."""
    path = tmp_path_factory.mktemp("earlier") / "run"
    return path, make_varied_run(path)


@pytest.fixture(scope="module")
def exported(earlier, tmp_path_factory):
    directory = tmp_path_factory.mktemp("exported")
    made = ExportConfig(
        run_dir=str(earlier[0]), export_dir=str(directory), formats="keras", signatures="serving_default", verify=False
    )
    return export(made).path


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_starts_from_a_run_with_its_projector_and_records_what_it_was(earlier, tmp_path):
    path, encoder = earlier
    assert plan(settings(tmp_path / "run", path)).lines["weights"] == (
        f"{path} (--init_from), step {STEP}: encoder and projector"
    )
    train(settings(tmp_path / "run", path))
    run = assert_starts(tmp_path / "run", encoder.get_weights())
    for weight, start in zip(run.projector.get_weights(), load_run(path).projector.get_weights(), strict=True):
        np.testing.assert_allclose(weight, start, atol=1e-6)
    assert run.record.initial_weights == {
        "source": str(path),
        "kind": "run",
        "sha256": digest(path / "checkpoints" / f"step-{STEP}" / "manifest.json"),
        "step": STEP,
        "projector": True,
    }
    recorded = json.loads((tmp_path / "run" / "run.json").read_text())
    assert recorded["initial_weights"] == run.record.initial_weights
    assert recorded["flags"]["input_range"] == "-1..1"


def test_a_projector_of_another_size_starts_from_random_weights(earlier, tmp_path):
    path, encoder = earlier
    other = dataclasses.replace(PROJECTOR, projector_dim=6)
    begin(settings(tmp_path / "run", path, projector=other))
    run = assert_starts(tmp_path / "run", encoder.get_weights())
    assert run.projector.output_shape == (None, 6)
    assert run.record.initial_weights["projector"] is False


def test_takes_averaged_weights_where_the_run_kept_them(tmp_path):
    averaging = dataclasses.replace(
        settings(tmp_path / "first", None, steps=3),
        optimizer=OptimizerConfig(optimizer="sgd", learning_rate=0.5, ema_momentum=0.9),
    )
    train(averaging)
    average = load_run(tmp_path / "first").encoder.get_weights()
    begin(settings(tmp_path / "second", tmp_path / "first"))
    assert_starts(tmp_path / "second", average)
    # The average of a run that starts from weights starts there too.
    third = dataclasses.replace(
        settings(tmp_path / "third", tmp_path / "first"),
        optimizer=OptimizerConfig(optimizer="sgd", learning_rate=1e-9, ema_momentum=0.999),
    )
    begin(third)
    assert_starts(tmp_path / "third", average)


@pytest.mark.parametrize(("channels", "size"), [(3, 8), (1, 16), (5, 12)])
def test_images_of_other_channels_and_sizes_adapt_the_first_convolution(earlier, tmp_path, channels, size):
    path, encoder = earlier
    dataset = save_images(tmp_path / "data.npz", 64, (size, size, channels))
    begin(settings(tmp_path / "run", path, dataset=dataset))
    wanted = weight_shapes(build_encoder(TINY, (size, size, channels)))
    assert_starts(tmp_path / "run", fit_channels(encoder.get_weights(), wanted))


@pytest.fixture(scope="module")
def files(earlier, exported, tmp_path_factory):
    """The same encoder in every kind of file."""
    folder = tmp_path_factory.mktemp("files")
    encoder = earlier[1]
    encoder.save(folder / "fused.keras")
    plain_encoder(encoder).save(folder / "plain.keras")
    encoder.save_weights(folder / "fused.weights.h5")
    return {
        "export": (exported.parent, exported / "keras" / "encoder.keras"),
        "version": (exported, exported / "keras" / "encoder.keras"),
        "fused": (folder / "fused.keras", folder / "fused.keras"),
        "plain": (folder / "plain.keras", folder / "plain.keras"),
        "fused weights": (folder / "fused.weights.h5", folder / "fused.weights.h5"),
        "plain weights": (exported / "keras" / "encoder.weights.h5", exported / "keras" / "encoder.weights.h5"),
    }


@pytest.mark.parametrize("kind", ["export", "version", "fused", "plain", "fused weights", "plain weights"])
def test_starts_from_exports_and_files(earlier, files, tmp_path, kind):
    source, file = files[kind]
    dataset = save_images(tmp_path / "data.npz", 64, (8, 8, 3))
    begin(settings(tmp_path / "run", source, dataset=dataset))
    wanted = weight_shapes(build_encoder(TINY, (8, 8, 3)))
    run = assert_starts(tmp_path / "run", fit_channels(earlier[1].get_weights(), wanted))
    facts = run.record.initial_weights
    assert (facts["source"], facts["sha256"], facts["projector"]) == (str(source), digest(file), False)


def test_a_network_of_others_is_trained_as_it_is(tmp_path):
    body = [layers.Rescaling(1 / 255), layers.Conv2D(6, 3, strides=2), layers.BatchNormalization(), layers.ReLU()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *body, layers.GlobalAveragePooling2D()])
    model.save(tmp_path / "model.keras")
    own = EncoderConfig("own")
    train(settings(tmp_path / "first", tmp_path / "model.keras", encoder=own))
    first = assert_starts(tmp_path / "first", model.get_weights())
    assert [type(layer).__name__ for layer in first.encoder.layers][:2] == ["Rescaling", "Conv2D"]
    # And again from that run, which has no name for it.
    begin(settings(tmp_path / "second", tmp_path / "first", encoder=own))
    second = assert_starts(tmp_path / "second", first.encoder.get_weights())
    assert second.record.initial_weights["projector"] is True
    with pytest.raises(ConfigError, match=r"has an encoder of its own, .* give --encoder=own"):
        plan(settings(tmp_path / "third", tmp_path / "first"))


def test_starts_from_imagenet_weights_with_their_scaling(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    name = "MobileNet"
    backbone = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3))
    (tmp_path / "keras" / "models").mkdir(parents=True)
    file = tmp_path / "keras" / "models" / "mobilenet_1_0_224_tf_no_top.h5"
    save_legacy(backbone, file)
    dataset = save_images(tmp_path / "data.npz", 64, (32, 32, 3))
    for source in ("imagenet", file):
        run_dir = tmp_path / file.stem if source is file else tmp_path / "run"
        start = train if source is file else begin  # one of them shows that such a network is trained, which takes long
        start(settings(run_dir, source, encoder=EncoderConfig(name), dataset=dataset))
        run = assert_starts(run_dir, backbone.get_weights())
        assert run.record.initial_weights["sha256"] == digest(file)
        assert run.record.config.encoder.input_range == "imagenet"
    # A run that goes on from it keeps the scaling.
    begin(settings(tmp_path / "next", tmp_path / "run", encoder=EncoderConfig(name), dataset=dataset))
    assert load_run(tmp_path / "next").record.config.encoder.input_range == "imagenet"


def test_a_resumed_run_needs_its_source_no_more(earlier, tmp_path):
    source = shutil.copytree(earlier[0], tmp_path / "source")
    begin(settings(tmp_path / "run", source, steps=4))
    config = settings(tmp_path / "run", source, steps=4, resume=True)
    assert [step.name for step in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-0"]
    shutil.rmtree(source)
    before = load_run(tmp_path / "run")
    assert before.step == 0
    for weight, start in zip(before.encoder.get_weights(), earlier[1].get_weights(), strict=True):
        np.testing.assert_array_equal(weight, start)
    assert train(config).step == 4
    assert_starts(tmp_path / "run", earlier[1].get_weights())


def test_a_run_that_was_killed_before_its_first_checkpoint_needs_the_same_source_again(earlier, tmp_path):
    source = shutil.copytree(earlier[0], tmp_path / "source")
    begin(settings(tmp_path / "run", source))
    config = settings(tmp_path / "run", source, resume=True)
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    begin(config)
    assert_starts(tmp_path / "run", earlier[1].get_weights())
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    shutil.rmtree(source)
    make_run(source)
    with pytest.raises(RunDirectoryError, match="is not what it was when the run began; restore it"):
        train(config)


def test_a_run_started_from_weights_is_repeated_from_its_record(earlier, tmp_path):
    train(settings(tmp_path / "run", earlier[0], steps=2))
    again = load_run(tmp_path / "run").record.config
    train(dataclasses.replace(again, run=dataclasses.replace(again.run, run_dir=str(tmp_path / "again"))))
    for one, other in zip(*(load_run(tmp_path / name).encoder.get_weights() for name in ("run", "again")), strict=True):
        np.testing.assert_array_equal(one, other)


def lambda_model(path):
    keras.Sequential([keras.Input((8, 8, 1)), layers.Lambda(lambda x: x), layers.Flatten()]).save(path)


def other_scaling(path):
    """The encoder but for its first layer."""
    encoder = build_encoder(TINY, (8, 8, 1))
    description = keras.saving.serialize_keras_object(encoder)
    description["config"]["layers"][1]["config"]["scale"] = 1 / 255
    keras.saving.deserialize_keras_object(description).save(path)


def damaged(path):
    build_encoder(TINY, (8, 8, 1)).save(path)
    path.write_bytes(path.read_bytes()[:-3000])


def without_weights(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda_model, "cannot be loaded in safe mode .*Lambda"),
        (other_scaling, r"another network than --encoder=tiny .* scales pixels otherwise; .*--encoder=own"),
        (damaged, r"is not a \.keras file"),
        (without_weights, r"has no model\.weights\.h5 in it"),
        (lambda path: keras.Sequential([keras.Input((3,)), layers.Dense(2)]).save(path), "another network"),
    ],
)
def test_a_model_that_cannot_be_taken_is_refused_in_one_sentence(tmp_path, make, message):
    make(tmp_path / "model.keras")
    with pytest.raises(ConfigError, match=message) as refusal:
        plan(settings(tmp_path / "run", tmp_path / "model.keras"))
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


def test_refusals_name_the_settings_that_fit(earlier, exported, files, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    path, mobile = earlier[0], EncoderConfig("MobileNetV3Small")
    plain_export = shutil.copytree(exported, tmp_path / "plain_export")
    facts = json.loads((plain_export / "model.json").read_text())
    (plain_export / "model.json").write_text(json.dumps(facts | {"formats": {}}))
    (tmp_path / "text.txt").write_text("no weights")
    (tmp_path / "empty").mkdir()
    weights = files["plain weights"][0]
    stem = dataclasses.replace(TINY, stem="imagenet")
    dataset = save_images(tmp_path / "data.npz", 64, (32, 32, 1))
    untrained = tmp_path / "untrained"
    make_run(untrained)
    shutil.rmtree(untrained / "checkpoints")
    cases = [
        (
            settings("run", path, encoder=EncoderConfig("tiny")),
            "has --encoder=tiny --width=0.25, and this run .*width=1;",
        ),
        (settings("run", path, encoder=stem, dataset=dataset), r"stem/kernel is 7x7x1x8 here and 3x3x1x8 there"),
        (settings("run", path, encoder=EncoderConfig("own")), "has --encoder=tiny; give that"),
        (settings("run", plain_export), "without a file for Keras; .* --formats=keras"),
        (settings("run", weights, encoder=EncoderConfig("tiny")), "does not hold the weights of --encoder=tiny"),
        (settings("run", weights, encoder=EncoderConfig("own")), r"name a \.keras file"),
        (settings("run", tmp_path / "nothing"), "does not exist; name a run directory"),
        (settings("run", tmp_path / "nothing.keras"), "does not exist; name a run directory"),
        (settings("run", tmp_path / "text.txt"), "is nothing to start from"),
        (settings("run", tmp_path / "empty"), "is nothing to start from"),
        (settings("run", untrained), "has no checkpoint"),
        (settings("run", "imagenet"), "is for models of keras.applications, and --encoder=tiny is none"),
        (settings("run", "imagenet", encoder=mobile), "finds no weights of MobileNetV3Small .* add --download"),
        (settings(path, path, overwrite=True), "is the --run_dir itself"),
        (
            settings("run", None, start={"layer_decay": 0.8}),
            "--layer_decay=0.8 is for weights that were trained before",
        ),
        (settings("run", path, start={"init_warmup_steps": 3}), "lets only new parts learn .* encoder and projector"),
        (
            settings("run", path, encoder=dataclasses.replace(mobile, input_range="imagenet")),
            "has --encoder=tiny --width=0.25, and this run --encoder=MobileNetV3Small --width=1",
        ),
    ]
    monkeypatch.chdir(tmp_path)
    for config, message in cases:
        with pytest.raises(AagError, match=message) as refusal:
            plan(config)
        assert "\n" not in str(refusal.value)
        assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=r"train\(encoder=...\) starts from the weights of that model"):
        plan(settings("run", path), encoder=lambda: build_encoder(TINY, (8, 8, 1)))
