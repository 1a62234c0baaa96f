"""Exports whose embedding is a mean over views: what evaluation has of the run, with the cost beside it."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from aag_tf.config import EmbedConfig, EvaluateConfig, ExportConfig, ProtocolConfig
from aag_tf.data import ArrayImages, Source, Split
from aag_tf.encoders import average_views
from aag_tf.evaluation import evaluate
from aag_tf.evaluation.evaluate import feature_sets
from aag_tf.evaluation.subjects import load_subject, open_images
from aag_tf.export import export
from aag_tf.export.embedding import embed, open_collection
from aag_tf.export.questions import Asker, Question
from aag_tf.export.reduced import CostMeter, ReducedEncoder
from aag_tf.export.runtimes import RUNTIMES, check_installed, load_runtime
from aag_tf.export.saved_model import write_metadata
from aag_tf.export.verify import ask_fresh_process
from aag_tf.preflight import check
from aag_tf.runs.exported import ExportMetadata, read_metadata
from aag_tf.runs.run import load_run
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import ConfigError, EvaluationError, ExportError
from aag_tf.utils.progress import no_progress

KNN = ProtocolConfig(measures="knn", knn_k=3)
pytestmark = pytest.mark.usefixtures("exports_loaded_once")

NOTE = "An embedding is the mean over 5 fixed views of an image, and takes 5 encoder passes."


@pytest.fixture(scope="module")
def report(run, tmp_path_factory):
    """The report of an export by five views."""
    names = "serving_default,embed_bytes"
    directory = str(tmp_path_factory.mktemp("views") / "model")
    return export(ExportConfig(run_dir=run[0], export_dir=directory, embed_views=5, signatures=names))


def queries(config):
    """The images that are evaluated, and their features by the trained encoder."""
    subject = load_subject(config)
    images = open_images(config, subject)
    (features,) = feature_sets(config, subject, images)
    return images.queries.images.numpy(np.arange(len(images.queries))), features.queries.features


def test_gives_in_a_fresh_process_what_evaluation_has_of_the_run(run, report):
    alone = dataclasses.replace(KNN, baselines="none")
    pixels, expected = queries(EvaluateConfig(run_dir=run[0], embed_views=5, protocol=alone))
    record = RunDirectory(run[0]).read_record()
    (files,) = Asker(pixels[:8], record.reading, 10_000).ask("embed_bytes")
    questions = {"serving_default": [Question(pixels, pixels)], "embed_bytes": [files]}
    answers = ask_fresh_process(report.path, questions)
    np.testing.assert_allclose(answers["serving_default/0/embedding"], expected, atol=1e-5)
    np.testing.assert_allclose(answers["embed_bytes/0/embedding"][1:9], expected[:8], atol=1e-5)
    assert answers["serving_default/empty/embedding"].shape == (0, 32)
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(answers["serving_default/0/normalized"], expected / lengths, atol=1e-5)
    _, got = queries(EvaluateConfig(saved_model=str(report.path), protocol=alone))
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_it_is_verified_and_told(report):
    assert report.verification.max_difference <= report.verification.tolerance
    assert NOTE in str(report)
    assert json.loads((report.path / "model.json").read_text())["embed_views"] == 5
    card = (report.path / "model_card.md").read_text()
    assert NOTE in card
    assert "the time and the memory of 5 times as many images" in card


def test_a_collection_is_embedded_by_it(run, report, tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (7, 8, 8), np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    output = tmp_path / "embedded"
    with no_progress():
        embed(EmbedConfig(saved_model=str(report.path), input=str(tmp_path), output=str(output), batch_size=4))
    found = np.concatenate(list(open_collection(output).vectors()))
    expected = average_views(run[1], 5)(tf.constant(pixels[..., np.newaxis]))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_another_set_of_views_is_refused_for_it(report):
    with pytest.raises(EvaluationError, match="gives the mean over 5 views of an image already, and --embed_views=2"):
        load_subject(EvaluateConfig(saved_model=str(report.path), embed_views=2))


@no_progress()
def test_evaluation_knows_what_is_inside(report):
    alone = dataclasses.replace(KNN, baselines="none")
    evaluation = evaluate(EvaluateConfig(saved_model=str(report.path), protocol=alone))
    assert evaluation.subject["embed_views"] == 5
    assert evaluation.settings["embed_views"] == 1
    assert NOTE in " ".join(str(evaluation).split())


def test_an_export_of_one_view_can_be_evaluated_by_five(run, encoder_dir):
    alone = dataclasses.replace(KNN, baselines="none")
    pixels, got = queries(EvaluateConfig(saved_model=str(encoder_dir), embed_views=5, protocol=alone))
    expected = average_views(run[1], 5)(tf.constant(pixels)).numpy()
    one = run[1](pixels, training=False).numpy()
    # Pixels of its views are rounded to bytes, which is all that it takes.
    assert np.abs(got - expected).max() < 0.1 * np.abs(one - expected).max()


def test_one_view_is_what_was_exported_before(encoder_dir, tmp_path):
    metadata = read_metadata(encoder_dir / "1")
    content = metadata.to_json()
    assert content.pop("embed_views") == 1
    assert ExportMetadata.from_json(content).embed_views == 1  # of before there were views
    write_metadata(tmp_path, metadata)
    assert "fixed views" not in (tmp_path / "model_card.md").read_text()
    with pytest.raises(ValueError, match="its 'embed_views' is 0"):
        ExportMetadata.from_json(content | {"embed_views": 0})


def test_16_bit_kernels_give_the_mean_too(run):
    trained = load_run(run[0])
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    full = average_views(run[1], 2)(tf.constant(pixels)).numpy()
    images = Split(ArrayImages(pixels))
    meter = CostMeter(trained.encoder, Source("noise", images, None, None), embed_views=2)
    reduced = average_views(ReducedEncoder(trained.encoder, "bfloat16"), 2)(tf.constant(pixels)).numpy()
    assert np.abs(reduced - full).max() > 0
    np.testing.assert_allclose(reduced, full, atol=0.02 * np.abs(full).max())
    cosines = np.sum(reduced * full, axis=1) / np.linalg.norm(reduced, axis=1) / np.linalg.norm(full, axis=1)
    with no_progress():
        assert meter.cost("bfloat16").min_cosine == pytest.approx(cosines.min(), abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(RUNTIMES) - {"keras"}))
@pytest.mark.filterwarnings("ignore")  # converters complain of what they themselves use
def test_other_runtimes_have_the_views_inside(run, tmp_path, name):
    try:
        check_installed(name)
    except ExportError:
        pytest.skip(f"needs the extra {name}")
    settings = {"formats": name, "signatures": "serving_default", "verify": False}
    made = export(ExportConfig(run_dir=run[0], export_dir=str(tmp_path), embed_views=10, **settings))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    got = load_runtime(name, made.path / made.metadata.formats[name])(pixels)
    np.testing.assert_allclose(got, average_views(run[1], 10)(tf.constant(pixels)), atol=1e-5)


@no_progress()
def test_metrics_of_other_views_are_not_on_the_card(run, tmp_path, caplog):
    file = RunDirectory(run[0]).evaluation
    try:
        evaluate(EvaluateConfig(run_dir=run[0], protocol=dataclasses.replace(KNN, baselines="none")))

        def metrics(views):
            settings = {"signatures": "serving_default", "verify": False, "dry_run": True}
            return export(
                ExportConfig(run_dir=run[0], export_dir=str(tmp_path), embed_views=views, **settings)
            ).metadata.evaluation

        assert metrics(1)["settings"]["embed_views"] == 1
        assert metrics(5) is None
        assert "is of --embed_views=1 and the export of --embed_views=5" in caplog.text
    finally:
        file.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embed_views": 4}, "--embed_views=4 is no set of views; it must be 1, 2, 5 or 10"),
        ({"embed_views": 5, "formats": "keras"}, "--formats=keras gives the network itself, which takes one view"),
        ({"embed_views": 5, "signatures": "serving_default,project"}, "project gives what the loss compares"),
        ({"embed_views": 5, "run_dir": "", "classifier": "mine"}, "--embed_views=5 is for the encoder of a run"),
    ],
)
def test_refuses_what_it_cannot_average(settings, message):
    with pytest.raises(ConfigError, match=message):
        ExportConfig(**{"run_dir": "run", "export_dir": "model"} | settings)


def test_mirror_images_are_refused_for_a_run_without_flips(run, tmp_path):
    directory = RunDirectory(tmp_path / "run")
    directory.path.symlink_to(run[0])
    record = directory.read_record()
    augment = dataclasses.replace(record.config.augment, flip=False)
    changed = dataclasses.replace(record, config=dataclasses.replace(record.config, augment=augment))
    config = ExportConfig(run_dir=str(directory.path), export_dir=str(tmp_path / "model"), embed_views=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDirectory, "read_record", lambda _: changed)
        for refuse in (check, export):
            with pytest.raises(ConfigError, match="--embed_views=10 has mirror images"):
                refuse(config)
    assert not (tmp_path / "model").exists()
