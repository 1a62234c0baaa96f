"""Somebody else's models: what fits is found and fed in its own range, everything else is rejected in one sentence."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_runs import save_images

from aag_tf.config import EvaluateConfig, ProtocolConfig
from aag_tf.evaluation import evaluate
from aag_tf.evaluation.subjects.input_range import IMAGENET_DEVIATION, IMAGENET_MEAN, convert
from aag_tf.evaluation.subjects.keras_model import load_foreign_keras_model, untrained_copy
from aag_tf.evaluation.subjects.saved_model import load_foreign_saved_model
from aag_tf.utils.errors import ConfigError, EvaluationError, ExportError

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)


class Means(tf.Module):
    """Channel means of images, under several signatures."""

    def save(self, path, **signatures):
        tf.saved_model.save(self, str(path), signatures=signatures)
        return path


def means(spec, output="vector"):
    axes = [2, 3] if spec.shape[1] == 3 else [1, 2]
    return tf.function(
        lambda images: {output: tf.reduce_mean(tf.cast(images, tf.float32), axes)}
    ).get_concrete_function(spec)


def images_spec(*shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype, name="images")


@pytest.mark.parametrize(
    ("input_range", "expected"),
    [
        ("0..255", lambda x: x),
        ("0..1", lambda x: x / 255),
        ("-1..1", lambda x: x / 127.5 - 1),
        ("imagenet", lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        ("imagenet_caffe", lambda x: x[..., ::-1] - [103.939, 116.779, 123.68]),
    ],
)
def test_pixels_are_brought_to_the_range_of_the_model(tmp_path, input_range, expected):
    np.testing.assert_allclose(
        convert(tf.constant(PICTURES), input_range, "float32"), expected(PICTURES.astype(np.float64)), atol=1e-4
    )
    assert np.allclose(np.array(IMAGENET_MEAN) / 255, [0.485, 0.456, 0.406])
    assert np.allclose(np.array(IMAGENET_DEVIATION) / 255, [0.229, 0.224, 0.225])


def test_uint8_models_and_half_precision_need_no_more_than_their_type():
    assert convert(tf.constant(PICTURES), "0..255", "uint8").dtype == tf.uint8
    assert convert(tf.constant(PICTURES), "0..1", "float16").dtype == tf.float16


@pytest.mark.parametrize(
    "spec",
    [
        images_spec(None, 8, 8, 3),
        images_spec(None, None, None, 3),
        images_spec(2, 8, 8, 3),  # a fixed batch: five images are three calls
        images_spec(None, 3, 8, 8),  # channels first
        images_spec(None, 8, 8, 3, dtype=tf.uint8),
    ],
)
def test_a_saved_model_is_called_in_its_own_shape(tmp_path, spec):
    path = Means().save(tmp_path / "model", vectors=means(spec))
    encoder = load_foreign_saved_model(path, None, None if spec.dtype == tf.uint8 else "0..255")
    assert encoder.image_shape == ((None, None, 3) if spec.shape[1] is None else (8, 8, 3))
    np.testing.assert_allclose(encoder(tf.constant(PICTURES)), PICTURES.mean(axis=(1, 2)), rtol=1e-5)


def test_the_signature_is_found_or_asked_for(tmp_path):
    whole, small = images_spec(None, 8, 8, 3, dtype=tf.uint8), images_spec(None, 4, 4, 3, dtype=tf.uint8)
    add = tf.function(lambda left, right: {"sum": left + right}).get_concrete_function(
        tf.TensorSpec([None, 2]), tf.TensorSpec([None, 2])
    )
    several = Means().save(tmp_path / "several", whole=means(whole), small=means(small), add=add)
    assert load_foreign_saved_model(several, "small", None).image_shape == (4, 4, 3)
    served = Means().save(tmp_path / "served", serving_default=means(whole), small=means(small))
    assert load_foreign_saved_model(served, None, None).name == "serving_default"
    none = Means().save(tmp_path / "none", add=add)
    listing = r"add: left float32 \[None, 2\], right float32 \[None, 2\] -> sum float32 \[None, 2\]"
    for arguments, message in [
        (
            (several, None, None),
            r"several signatures of .* \((small, whole|whole, small)\); choose one with --signature",
        ),
        ((several, "add", None), "--signature=add: .* maps no batch of images to one of vectors there"),
        ((several, "large", None), "--signature=large: .* has no such signature .*; it has .*" + listing),
        ((none, None, None), "no signature of .* maps one batch of images .*; it has " + listing),
        ((served, None, "-1..1"), "takes uint8 images, which are 0..255; leave --input_range=-1..1 out"),
    ]:
        with pytest.raises(EvaluationError, match=message) as caught:
            load_foreign_saved_model(*arguments)
        assert "\n" not in str(caught.value)


def test_one_of_several_outputs_is_named(tmp_path):
    function = tf.function(
        lambda images: {"low": tf.reduce_min(images, [1, 2]), "high": tf.reduce_max(images, [1, 2])}
    ).get_concrete_function(images_spec(None, 8, 8, 3))
    path = Means().save(tmp_path / "model", both=function)
    for output, expected in (("low", PICTURES.min(axis=(1, 2))), ("high", PICTURES.max(axis=(1, 2)))):
        encoder = load_foreign_saved_model(path, f"both:{output}", "0..255")
        np.testing.assert_array_equal(encoder(tf.constant(PICTURES)), expected)
    with pytest.raises(
        EvaluationError, match=r"--signature=both: .* maps no batch .*name:output chooses among outputs"
    ):
        load_foreign_saved_model(path, "both", "0..255")


def test_a_range_that_nobody_knows_is_asked_for(tmp_path):
    path = Means().save(tmp_path / "model", vectors=means(images_spec(None, 8, 8, 3)))
    with pytest.raises(EvaluationError, match=r"takes float32 images, and nothing says in which range.*--input_range"):
        load_foreign_saved_model(path, None, None)
    (path / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(ExportError, match=r"saved_model\.pb is damaged \(\w+Error\); export the model again"):
        load_foreign_saved_model(path, None, "0..1")


def keras_model(*layers, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *layers])


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")  # of Keras's own saving
def test_a_keras_model_gets_its_range_and_can_be_evaluated_with_baselines(tmp_path):
    keras.utils.set_random_seed(3)
    model = keras_model(keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D())
    file = tmp_path / "model.keras"
    model.save(file)
    _, encoder = load_foreign_keras_model(str(file), "-1..1")
    np.testing.assert_allclose(encoder(PICTURES), model(PICTURES / 127.5 - 1), atol=1e-5)

    dataset = save_images(tmp_path / "gray.npz", count=60, shape=(10, 10, 1), labels=np.arange(60) % 2)
    protocol = ProtocolConfig(knn_k=3, measures="knn,fine_tune", label_percents="50", label_draws=1, fine_tune_steps=2)
    config = EvaluateConfig(keras_model=str(file), input_range="0..1", dataset=dataset, protocol=protocol)
    evaluation = evaluate(config)
    assert [result.features for result in evaluation.results] == ["raw pixels", "untrained encoder", "trained encoder"]
    assert [len(result.measures) for result in evaluation.results] == [2, 3, 3]  # pixels cannot be fine-tuned
    assert evaluation.data["conversion"] == "images at 8x8 pixels, gray repeated as RGB"
    assert evaluation.subject["keras_model"] == str(file)
    assert evaluation.path is None


def test_an_untrained_copy_keeps_what_was_measured_of_the_data():
    normalization, dense = keras.layers.Normalization(), keras.layers.Dense(4)
    normalization.adapt(PICTURES.astype("float32"))
    model = keras_model(keras_model(normalization), keras.layers.Flatten(), dense)
    fresh = untrained_copy(model, seed=1)
    np.testing.assert_allclose(fresh.layers[0](PICTURES), normalization(PICTURES.astype("float32")), atol=1e-5)
    assert np.abs(fresh.layers[-1].get_weights()[0] - dense.get_weights()[0]).max() > 0.01


def test_images_are_scaled_to_an_encoder_that_is_no_square(tmp_path):
    model = keras_model(keras.layers.Flatten(), shape=(4, 8, 3))
    model.save(tmp_path / "model.keras")
    dataset = save_images(tmp_path / "data.npz", count=60, shape=(10, 16, 3), labels=np.arange(60) % 2)
    protocol = ProtocolConfig(knn_k=3, measures="knn", baselines="none")
    config = EvaluateConfig(
        keras_model=str(tmp_path / "model.keras"), input_range="0..1", dataset=dataset, protocol=protocol
    )
    evaluation = evaluate(config)
    assert evaluation.data["conversion"] == "images at 4x8 pixels"
    assert evaluation.data["image_shape"] == [4, 8, 3]


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")  # of Keras's own saving
def test_a_keras_file_that_cannot_be_evaluated_is_refused(tmp_path):
    pooled = keras.layers.GlobalAveragePooling2D()
    models = {
        "maps": keras_model(keras.layers.Conv2D(2, 3)),
        "deep": keras_model(pooled, shape=(8, 8, 5)),
        "table": keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]),
        "code": keras_model(keras.layers.Lambda(lambda x: x + 1), keras.layers.Flatten()),
        "unsaid": keras_model(keras.layers.Flatten()),
    }
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
    (tmp_path / "old.h5").write_bytes(b"\x89HDF")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
    for name, message in {
        "maps.keras": r"gives features of shape \[None, 6, 6, 2\].*GlobalAveragePooling2D",
        "deep.keras": "takes images with 5 channels",
        "table.keras": "does not map one batch of images",
        "code.keras": "cannot be loaded in safe mode .*Lambda",
        "unsaid.keras": "nothing says in which range",
        "old.h5": "is not a .keras file",
        "missing.keras": "is not a .keras file",
        "empty.keras": "has no config.json in it",
    }.items():
        given = None if name == "unsaid.keras" else "0..1"
        with pytest.raises(EvaluationError, match=message) as caught:
            load_foreign_keras_model(str(tmp_path / name), given)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"run_dir": "a", "saved_model": "b"}, "give exactly one of"),
        ({"keras_model": "a.keras"}, "give --dataset="),
        ({"train_features": "a.npz"}, "belong together"),
        ({"train_features": "a.npz", "test_features": "b.npz", "dataset": "digits"}, "have no use beside"),
        ({"run_dir": "a", "signature": "b"}, "--signature names a signature of a SavedModel"),
        ({"run_dir": "a", "input_range": "0..1"}, "--input_range is for --saved_model and --keras_model"),
        (
            {"run_dir": "a", "protocol": {"measures": "knn,rnn"}},
            "--measures=rnn is not known; choose one of knn, ",
        ),
        ({"run_dir": "a", "protocol": {"measures": ","}}, "--measures is empty; name one"),
        (
            {"run_dir": "a", "protocol": {"baselines": "pixels"}},
            "--baselines=pixels is not known; choose one of raw_pixels, ",
        ),
        ({"run_dir": "a", "protocol": {"label_percents": "0"}}, "--label_percents=0 is out of range"),
        ({"run_dir": "a", "protocol": {"label_percents": "1;10"}}, "--label_percents=1;10 is not a number"),
        ({"run_dir": "a", "protocol": {"sgd_learning_rates": "inf"}}, "--sgd_learning_rates=inf is out of range"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        EvaluateConfig(
            **{k: v for k, v in settings.items() if k != "protocol"},
            protocol=ProtocolConfig(**settings.get("protocol", {})),
        )


def test_measures_are_named_in_one_order():
    assert ProtocolConfig(measures="robustness, knn").measure_names == ("knn", "robustness")
    assert len(ProtocolConfig(measures="all").measure_names) == 7
    assert ProtocolConfig(label_percents="10,1,1.0").label_shares == (0.01, 0.1)
