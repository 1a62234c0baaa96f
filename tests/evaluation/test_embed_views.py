"""Evaluation of embeddings that are means over views: the same for the encoder and its untrained self, and told."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from small_runs import make_run, save_images

from aag_tf.config import EvaluateConfig, ProtocolConfig
from aag_tf.encoders import average_views, untrained_encoder
from aag_tf.evaluation import compare, evaluate
from aag_tf.evaluation.evaluate import feature_sets
from aag_tf.evaluation.plan import plan
from aag_tf.evaluation.saved_evaluation import read_evaluation
from aag_tf.evaluation.subjects import load_subject, open_images
from aag_tf.preflight import check
from aag_tf.report import report_page
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import ConfigError, EvaluationError

NOTE = "An embedding is the mean over 5 fixed views of an image, and takes 5 encoder passes."
QUICK = ProtocolConfig(measures="knn", knn_k=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("views")
    data = save_images(path / "data.npz", 60, labels=np.arange(60) % 3)
    return str(path / "run"), make_run(path / "run", data)


@pytest.fixture(scope="module")
def without_flips(tmp_path_factory):
    path = tmp_path_factory.mktemp("views") / "run"
    make_run(path, save_images(path.with_name("data.npz"), labels=np.arange(40) % 3))
    directory = RunDirectory(path)
    record = directory.read_record()
    augment = dataclasses.replace(record.config.augment, flip=False)
    directory.write_record(dataclasses.replace(record, config=dataclasses.replace(record.config, augment=augment)))
    return str(path)


@pytest.fixture(scope="module")
def evaluations(run, tmp_path_factory):
    """The run, evaluated by 1 and by 5 views."""
    path = tmp_path_factory.mktemp("evaluations")

    def by(views):
        output = str(path / f"{views}.json")
        protocol = dataclasses.replace(QUICK, baselines="raw_pixels")
        return evaluate(EvaluateConfig(run_dir=run[0], embed_views=views, output=output, protocol=protocol))

    return by(1), by(5)


def features_of(config):
    subject = load_subject(config)
    images = open_images(config, subject)
    return images, {found.name: found for found in feature_sets(config, subject, images)}


def test_encoder_and_untrained_encoder_are_averaged_and_pixels_are_not(run):
    protocol = dataclasses.replace(QUICK, embed_batch_size=33)
    images, features = features_of(EvaluateConfig(run_dir=run[0], embed_views=5, protocol=protocol))
    record = RunDirectory(run[0]).read_record()
    untrained = untrained_encoder(record.config.encoder, (8, 8, 1), record.config.schedule.seed)
    for part in ("bank", "queries"):
        split = getattr(images, part)
        pixels = split.images.numpy(np.arange(len(split)))
        for name, encoder in (("trained encoder", run[1]), ("untrained encoder", untrained)):
            got = getattr(features[name], part).features
            np.testing.assert_allclose(got, average_views(encoder, 5)(pixels), atol=1e-5)
            assert np.abs(got - encoder(pixels, training=False)).max() > 1e-3
        bank = images.bank.images.numpy(np.arange(len(images.bank)))
        raw = (pixels.astype(float) - bank.mean(axis=0)).reshape(len(pixels), -1)
        np.testing.assert_allclose(getattr(features["raw pixels"], part).features, raw, atol=1e-3)


def test_it_is_told_in_table_report_and_file(evaluations):
    one, five = evaluations
    assert NOTE in " ".join(str(five).split())
    assert "fixed views" not in str(one)
    assert NOTE in report_page(read_evaluation(str(five.path)))
    content = json.loads(five.path.read_text())
    assert (content["subject"]["embed_views"], content["settings"]["embed_views"]) == (5, 5)
    assert "--embed_views=5" in content["command"]
    content = json.loads(one.path.read_text())
    assert "embed_views" not in content["subject"]
    assert content["settings"]["embed_views"] == 1


def test_an_evaluation_from_before_there_were_views_is_of_one(evaluations, tmp_path):
    content = json.loads(evaluations[0].path.read_text())
    del content["settings"]["embed_views"]
    file = tmp_path / "older.json"
    file.write_text(json.dumps(content))
    assert read_evaluation(str(file)).embed_views == 1
    file.write_text(json.dumps(content | {"subject": content["subject"] | {"embed_views": "many"}}))
    with pytest.raises(EvaluationError, match=r"is damaged \(.*'subject.embed_views'"):
        read_evaluation(str(file))


def test_a_comparison_says_which_has_several_views(evaluations):
    names = [result.features for result in compare([str(one.path) for one in evaluations]).results]
    assert names == ["1.json", "5.json (5 views)", "raw pixels"]


def test_a_dry_run_says_the_cost(run):
    assert "5 of each image, which takes as many encoder passes" in str(plan(EvaluateConfig(run[0], embed_views=5)))
    assert "passes" not in str(plan(EvaluateConfig(run[0])))


@pytest.mark.parametrize("count", [2, 10])
def test_mirror_images_are_refused_for_a_run_without_flips(without_flips, count):
    config = EvaluateConfig(run_dir=without_flips, embed_views=count)
    message = rf"^--embed_views={count} has mirror images, .*; give --embed_views=1 or 5\.$"
    for refuse in (check, load_subject):
        with pytest.raises(ConfigError, match=message):
            refuse(config)


def test_corners_are_taken_without_flips(without_flips):
    config = EvaluateConfig(run_dir=without_flips, embed_views=5)
    check(config)
    assert load_subject(config).embed_views == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"run_dir": "run", "embed_views": 3}, "--embed_views=3 is no set of views; it must be 1, 2, 5 or 10"),
        ({"run_dir": "run", "embed_views": True}, "--embed_views=True is not"),
        (
            {"train_features": "a.npz", "test_features": "b.npz", "embed_views": 5},
            "--embed_views=5 needs an encoder, and --train_features gives features",
        ),
        ({"compare": "a,b", "embed_views": 5}, "beside it only --output has a meaning"),
    ],
)
def test_refuses_what_has_no_meaning(settings, message):
    with pytest.raises(ConfigError, match=message):
        EvaluateConfig(**settings)


def test_a_model_of_others_is_evaluated_as_it_is(tmp_path, caplog):
    pixels = keras.Input((8, 8, 1), dtype="uint8")
    model = keras.Model(pixels, keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels)))
    model.save(tmp_path / "flat.keras")
    dataset = save_images(tmp_path / "data.npz", labels=np.arange(40) % 3)
    config = EvaluateConfig(keras_model=str(tmp_path / "flat.keras"), dataset=dataset, embed_views=5, protocol=QUICK)
    images, features = features_of(config)
    assert "is evaluated as it is, by one view of an image" in caplog.text
    pixels = images.queries.images.numpy(np.arange(len(images.queries)))
    expected = pixels.reshape(len(pixels), -1) / 255
    np.testing.assert_allclose(features["trained encoder"].queries.features, expected, atol=1e-6)
