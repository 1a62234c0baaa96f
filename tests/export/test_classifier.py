"""Exported classifiers: probabilities and labels of the Keras model, by pixels and by files, and what is refused."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from benchmark_scripts import script
from picture_files import encode
from PIL import Image
from small_classifiers import CLASS_NAMES, DIM, TEMPERATURE, make_classifier, small_model

from aag_tf.config import ExportConfig
from aag_tf.export import export_classifier, load_saved_model
from aag_tf.export.classifier_signatures import ClassifierGraph, classifier_signatures
from aag_tf.export.verify_classifier import Expected, check_classes
from aag_tf.runs.classifier_files import open_classifier, write_classifier
from aag_tf.runs.classifier_record import MODEL_NAME, RECORD_NAME, ClassifierRecord
from aag_tf.runs.exported_classifier import load_saved_classifier
from aag_tf.utils.errors import ConfigError, ExportError

MUTATED = 116  # every kind in every format twice


@pytest.fixture(scope="module")
def saved(exported_classifier):
    return load_saved_classifier(exported_classifier.path.parent)


def images(count, shape=(8, 8, 1)):
    return np.random.default_rng(1).integers(0, 256, (count, *shape), np.uint8)


def png(image):
    return encode(Image.fromarray(image[..., 0]), "PNG")


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def settings(directory, target, **more):
    return ExportConfig(classifier=str(directory), export_dir=str(target), **more)


def test_probabilities_are_the_softmax_of_logits_over_the_temperature(classifier, saved):
    batch = images(40)
    logits = classifier[1](batch.astype(np.float32), training=False).numpy()
    answer = saved(batch)
    np.testing.assert_allclose(answer.probabilities, softmax(logits / TEMPERATURE), atol=1e-5)
    assert not np.allclose(answer.probabilities, softmax(logits), atol=1e-2)
    assert answer.labels == [CLASS_NAMES[best] for best in logits.argmax(axis=1)]
    assert set(answer.labels) == set(CLASS_NAMES)
    embedding = keras.Model(classifier[1].input, classifier[1].get_layer("embedding").output)
    np.testing.assert_allclose(answer.embeddings, embedding(batch.astype(np.float32)), atol=1e-5)
    assert np.abs(answer.embeddings).max() > 0.1
    assert answer.valid.all()


def test_files_give_the_answers_of_their_pixels_and_harm_no_neighbor(saved):
    batch = images(4)
    right = saved(batch)
    files = [b"", png(batch[0]), png(batch[1])[:40], png(batch[1]), png(batch[2]), b"text", png(batch[3])]
    answer = saved.classify_bytes(files)
    good = [1, 3, 4, 6]
    assert answer.valid.tolist() == [row in good for row in range(7)]
    assert [answer.labels[row] for row in good] == right.labels
    assert [answer.labels[row] for row in (0, 2, 5)] == [""] * 3
    np.testing.assert_allclose(answer.probabilities[good], right.probabilities, atol=1e-6)
    np.testing.assert_allclose(answer.embeddings[good], right.embeddings, atol=1e-6)
    assert not answer.probabilities[[0, 2, 5]].any()
    assert not answer.embeddings[[0, 2, 5]].any()


def test_serving_default_is_classify(saved):
    batch = tf.constant(images(3))
    first, second = (saved.loaded.signatures[name](images=batch) for name in ("serving_default", "classify"))
    assert sorted(first) == ["embedding", "label", "probabilities"]
    np.testing.assert_array_equal(first["probabilities"], second["probabilities"])
    assert first["label"].dtype == tf.string


def test_an_empty_batch_gives_no_rows_and_another_size_is_refused(saved):
    for answer in (saved(images(0)), saved.classify_bytes([])):
        assert answer.probabilities.shape == (0, 3)
        assert answer.embeddings.shape == (0, DIM)
        assert answer.labels == []
    blind = tf.function(saved.loaded.signatures["classify"], input_signature=[tf.TensorSpec(None, tf.uint8)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible with expected shape"):
        blind(tf.constant(images(2, (8, 9, 1))))


def test_metadata_and_card_say_how_to_use_it_and_how_good_it_is(classifier, exported_classifier, saved):
    metadata = json.loads((exported_classifier.path / "model.json").read_text())
    assert metadata["format"] == "aag_tf.exported_classifier"
    assert (metadata["class_names"], metadata["temperature"]) == (CLASS_NAMES, TEMPERATURE)
    assert metadata["signatures"]["classify_bytes"]["outputs"]["label"] == {"dtype": "string", "shape": [None]}
    assert metadata["verification"]["max_difference"] == exported_classifier.verification.max_difference <= 1e-5
    assert json.dumps(saved.metadata.to_json()) == json.dumps(exported_classifier.metadata.to_json())
    for name, described in metadata["signatures"].items():
        outputs = saved.loaded.signatures[name].structured_outputs
        assert {key: (value.shape.as_list(), value.dtype.name) for key, value in outputs.items()} == {
            key: (value["shape"], value["dtype"]) for key, value in described["outputs"].items()
        }
    card = (exported_classifier.path / "model_card.md").read_text()
    assert "| accuracy | 87.5 % [84.0 %, 91.0 %] |" in card
    assert "| ECE | 0.0213 |" in card
    assert "`cat`, `dög`, `a, b`." in card
    assert "labeled images of `folder:labeled`, from the weights of `runs/mine`" in card
    text = str(exported_classifier)
    assert f"Exported {classifier[0]}, a classifier of 3 classes, to {exported_classifier.path}" in text
    assert "classify_bytes: contents string [None] -> probabilities float32 [None, 3], label string [None], " in text
    assert "64 made-up images through 3 signatures in a fresh process without Keras: largest difference" in text


def test_versions_are_numbered_and_replaced_only_when_asked(classifier, tmp_path):
    usual = {"verify": False}
    assert (
        export_classifier(settings(classifier[0], tmp_path / "m", dry_run=True, **usual)).path == tmp_path / "m" / "1"
    )
    assert not (tmp_path / "m").exists()
    for number in (1, 2):
        assert export_classifier(settings(classifier[0], tmp_path / "m", **usual)).path.name == str(number)
    before = (tmp_path / "m" / "1" / "saved_model.pb").stat().st_ino
    with pytest.raises(ExportError, match="1 exists; leave --version out"):
        export_classifier(settings(classifier[0], tmp_path / "m", version=1, **usual))
    assert (tmp_path / "m" / "1" / "saved_model.pb").stat().st_ino == before
    report = export_classifier(settings(classifier[0], tmp_path / "m", version=1, overwrite=True, **usual))
    assert (report.path / "saved_model.pb").stat().st_ino != before
    assert sorted(entry.name for entry in (tmp_path / "m").iterdir()) == ["1", "2"]


def test_images_of_many_channels_have_no_files(tmp_path):
    make_classifier(tmp_path / "c", (8, 8, 4))
    report = export_classifier(settings(tmp_path / "c", tmp_path / "m"))
    assert list(report.metadata.signatures) == ["serving_default", "classify"]
    assert "left out   classify_bytes: picture files hold 1 or 3 channels, and its images 4" in str(report)
    saved = load_saved_classifier(tmp_path / "m")
    assert saved(images(2, (8, 8, 4))).probabilities.shape == (2, 3)
    with pytest.raises(ExportError, match="has no signature classify_bytes, since its images have 4 channels"):
        saved.classify_bytes([b""])


def test_an_encoder_is_no_classifier_and_a_classifier_no_encoder(encoder_dir, exported_classifier):
    with pytest.raises(ExportError, match=r"is an encoder, and a classifier is needed; make one .* aag-finetune"):
        load_saved_classifier(encoder_dir)
    with pytest.raises(ExportError, match=r"is a classifier, and an encoder is needed; give it to aag-predict"):
        load_saved_model(exported_classifier.path)


def numbers(path):
    path.write_text(path.read_text().replace('"temperature": 2.5', '"temperature": 0'))


DAMAGES = [
    (lambda path: (path / RECORD_NAME).unlink(), r"was not written by aag-finetune \(it has no classifier.json\)"),
    (lambda path: (path / RECORD_NAME).write_text("{"), "classifier.json is damaged .*fine-tune again"),
    (lambda path: numbers(path / RECORD_NAME), "classifier.json is damaged .*its 'temperature' is 0"),
    (lambda path: (path / MODEL_NAME).unlink(), "classifier.keras is not a .keras file"),
    (lambda path: (path / MODEL_NAME).write_bytes(b"PK"), "classifier.keras is not a .keras file"),
    (lambda path: small_model((8, 8, 3)).save(path / MODEL_NAME), r"has inputs and outputs of \[\[8, 8, 3\], \[3\]\]"),
    (lambda path: small_model(classes=4).save(path / MODEL_NAME), r"\[\[8, 8, 1\], \[4\]\] and must map"),
    (lambda path: with_lambda().save(path / MODEL_NAME), "cannot be loaded in safe mode"),
    (lambda path: without_embedding().save(path / MODEL_NAME), "has no layer embedding of its own"),
]


def with_lambda():
    pixels = keras.Input((8, 8, 1))
    return keras.Model(pixels, keras.layers.Dense(3)(keras.layers.Lambda(lambda x: x[:, 0, 0])(pixels)))


def without_embedding():
    pixels = keras.Input((8, 8, 1))
    return keras.Model(pixels, keras.layers.Dense(3)(keras.layers.Flatten()(pixels)))


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_what_is_no_classifier_is_refused_in_a_sentence(tmp_path, damage, words):
    make_classifier(tmp_path / "c")
    damage(tmp_path / "c")
    with pytest.raises(ExportError, match=words) as refusal:
        export_classifier(settings(tmp_path / "c", tmp_path / "m"))
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "m").exists()


def test_a_classifier_that_does_not_fit_its_record_is_not_written(tmp_path):
    record = ClassifierRecord(class_names=["a", "b"], temperature=1.0, image_shape=(8, 8, 1))
    with pytest.raises(ExportError, match=r"\[\[8, 8, 1\], \[3\]\] and must map \[8, 8, 1\] \(an image\) to \[2\]"):
        write_classifier(tmp_path, small_model(), record)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"run_dir": "a"}, "--run_dir=a is for the encoder of a run; leave it out with --classifier"),
        ({"formats": "onnx"}, "--formats=onnx is for the encoder of a run"),
        ({"weights": "bfloat16"}, "--weights=bfloat16 is for the encoder"),
        ({"signatures": "serving_default"}, "--signatures=serving_default is for the encoder"),
    ],
)
def test_settings_of_encoders_are_refused(flags, words):
    with pytest.raises(ConfigError, match=words):
        ExportConfig(classifier="c", export_dir="m", **flags)


@pytest.fixture
def good():
    """What a faultless process answers, and what the classifier gives, for two images."""
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], np.float32)
    embeddings = np.ones((2, 4), np.float32)
    labels = np.array([b"cat", b"bird"])
    answers = {"refused": True, "keras_used": False, "classify_bytes/0/valid": np.array([False, True, True])}
    for name in ("classify", "classify_bytes"):
        for output, values in (("probabilities", probabilities), ("embedding", embeddings), ("label", labels)):
            first = values[:0] if name == "classify" else np.zeros_like(values[:1])
            answers[f"{name}/0/{output}"] = np.concatenate([first, values])
            answers[f"{name}/empty/{output}"] = values[:0]
    expected = [Expected(probabilities, embeddings)]
    return answers, {"classify": expected, "classify_bytes": expected}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"refused": False}, "accepts images of a wrong size"),
        ({"keras_used": True}, "import Keras"),
        (
            {"classify/0/probabilities": np.full((2, 3), 1 / 3, np.float32)},
            "classify .* differs from the classifier by",
        ),
        ({"classify/0/embedding": np.full((2, 4), 1.1, np.float32)}, "differs from the classifier by"),
        ({"classify/0/label": np.array([b"cat", b"dog"])}, "classify of the reloaded model gives labels of other"),
        ({"classify_bytes/0/label": np.array([b"cat", b"cat", b"bird"])}, "does not tell damaged files"),
        ({"classify_bytes/0/valid": np.array([True] * 3)}, "does not tell damaged files"),
        ({"classify/empty/label": np.array([b"cat"])}, r"gives \[1\] for an empty batch"),
    ],
)
def test_every_part_of_the_verification_counts(good, change, words):
    answers, expected = good
    names = ["cat", "dog", "bird"]
    assert check_classes(answers, expected, names) == [0, 0, 0, 0]
    with pytest.raises(ExportError, match=words):
        check_classes(answers | change, expected, names)
    with pytest.raises(ExportError, match="has no signature classify_values"):
        check_classes(answers, expected | {"classify_values": expected["classify"]}, names)


def test_what_differs_is_not_published(classifier, tmp_path, monkeypatch):
    opened = open_classifier(classifier[0])
    graph = ClassifierGraph(lambda x: opened.model(x * 0.9, training=False), opened.record, DIM, 10_000)
    monkeypatch.setattr("aag_tf.export.classifier.classifier_signatures", lambda _: classifier_signatures(graph))
    with pytest.raises(ExportError, match="serving_default of the reloaded model differs from the classifier by"):
        export_classifier(settings(classifier[0], tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_mutated_files_are_classified_or_refused_and_harm_no_neighbor(classifier, tmp_path):
    export_classifier(settings(classifier[0], tmp_path, verify=False))  # for pictures of the usual number of pixels
    saved = load_saved_classifier(tmp_path)
    mutated = script("mutated_images")
    known = png(images(1)[0])
    right = saved.classify_bytes([known])
    pictures = list(mutated.mutated_images(MUTATED))
    for start in range(0, len(pictures), 29):
        some = pictures[start : start + 29]
        answer = saved.classify_bytes([known, *(picture.data for picture in some), known])
        assert answer.labels[0] == answer.labels[-1] == right.labels[0]
        np.testing.assert_allclose(answer.probabilities[[0, -1]], right.probabilities[[0, 0]], atol=1e-6)
        for row, picture in enumerate(some, 1):
            outcome = "embedded" if answer.valid[row] else "refused"
            assert picture.expected in ("either", outcome), picture.name
            assert (answer.labels[row] in CLASS_NAMES) == answer.valid[row]
            assert answer.probabilities[row].sum() == pytest.approx(float(answer.valid[row]), abs=1e-5)
