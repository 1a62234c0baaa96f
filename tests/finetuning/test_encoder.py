"""What may be fine-tuned: runs, exports and `.keras` files; what may not is refused in one sentence."""

import json

import keras
import numpy as np
import pytest
from small_runs import make_run
from tuning_runs import settings, shapes

from aag_tf.config import ExportConfig
from aag_tf.export import export
from aag_tf.finetuning import finetune
from aag_tf.finetuning.encoder import open_encoder
from aag_tf.preflight.finetune import check
from aag_tf.runs.run import load_run
from aag_tf.utils.errors import AagError, ConfigError

IMAGES = shapes(np.arange(6) % 3).astype(np.float32)


@pytest.fixture(scope="module")
def keras_file(run_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "encoder.keras"
    load_run(run_dir).keras_encoder().save(path)
    return path


def test_copies_have_the_weights_of_the_run_and_random_ones_have_not(run_dir, few):
    encoder = open_encoder(settings(run_dir, few, "unused"))
    expected = load_run(run_dir).encoder.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(encoder.trained().predict(IMAGES, verbose=0), expected, atol=1e-6)
    first, again, other = (encoder.random(seed).predict(IMAGES, verbose=0) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert np.abs(first - expected).max() > 0.01


def test_a_keras_file_gives_the_classifier_of_its_run(run_dir, few, keras_file, tmp_path):
    results = [
        finetune(settings(source, few, tmp_path / name, steps=2))
        for name, source in (("run", run_dir), ("file", keras_file))
    ]
    assert [result.encoder["kind"] for result in results] == ["run", "model"]
    images = shapes(np.arange(30) % 3, seed=3).astype(np.float32)
    first, second = (
        keras.saving.load_model(tmp_path / name / "classifier.keras").predict(images, verbose=0)
        for name in ("run", "file")
    )
    np.testing.assert_allclose(first, second, atol=0.02)  # batch norm by other operations


def test_an_export_is_opened_by_its_file_for_keras(run_dir, few, tmp_path):
    served = {"formats": "keras", "signatures": "serving_default", "verify": False}
    report = export(ExportConfig(str(run_dir), export_dir=str(tmp_path / "full"), **served))
    encoder = open_encoder(settings(tmp_path / "full", few, "unused"))
    assert encoder.facts["kind"] == "export"
    expected = load_run(run_dir).encoder.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(encoder.trained().predict(IMAGES, verbose=0), expected, atol=1e-5)
    metadata = report.path / "model.json"
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"formats": {}}))
    with pytest.raises(ConfigError, match="is an export without a file for Keras; export the run again with"):
        open_encoder(settings(tmp_path / "full", few, "unused"))


def test_an_encoder_of_a_custom_network_is_built_again(few, tmp_path):
    own = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Normalization(mean=[90.0], variance=[2500.0]),
            keras.layers.Conv2D(6, 3),
            keras.layers.Dropout(0.5),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    make_run(tmp_path / "run", few, custom_encoder=own)
    result = finetune(settings(tmp_path / "run", None, tmp_path / "out", scratch=True, steps=2))
    assert [each.features for each in result.results][:3] == ["fine-tuned", "linear probe", "from random weights"]


def save(path, *layers, shape=(8, 8, 1)):
    keras.Sequential([keras.Input(shape), *layers]).save(path)
    return path


def test_lambda_layers_are_refused(few, tmp_path):
    file = save(
        tmp_path / "lambda.keras",
        keras.layers.Lambda(lambda x: x / 255),
        keras.layers.GlobalAveragePooling2D(),
    )
    with pytest.raises(ConfigError, match=r"cannot be loaded in safe mode.*without Lambda\.$") as refusal:
        open_encoder(settings(file, few, "unused"))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imagenet", "--init_from=imagenet has weights and no network; name a run directory"),
        ("some.weights.h5", "has weights and no network"),
        ("nowhere", "--init_from=.*nowhere does not exist; name a run directory"),
    ],
)
def test_what_is_no_encoder_is_refused_at_once(few, tmp_path, name, message):
    source = name if name == "imagenet" else tmp_path / name
    with pytest.raises(ConfigError, match=message):
        check(settings(source, few, tmp_path / "out"))


def test_a_network_that_gives_no_vectors_is_refused(few, tmp_path):
    file = save(tmp_path / "grid.keras", keras.layers.Conv2D(2, 3))
    with pytest.raises(AagError, match=r"does not map one batch of images .* to one batch of vectors; cut its classif"):
        open_encoder(settings(file, few, "unused"))


def test_images_of_another_size_are_brought_to_that_of_the_encoder(few, tmp_path):
    file = save(tmp_path / "large.keras", keras.layers.AveragePooling2D(5), keras.layers.Flatten(), shape=(20, 30, 1))
    result = finetune(settings(file, few, tmp_path / "out", steps=2))
    assert result.data["image_shape"] == [20, 30, 1]
    assert result.data["conversion"] == "images at 20x30 pixels"


def test_the_own_images_of_a_run_must_have_its_size(run_dir, few, tmp_path):
    with pytest.raises(AagError, match="--image_size=16 is for models that take any size, and this one takes 8x8"):
        finetune(settings(run_dir, few, tmp_path / "out", image_size=16))
