"""Exports: the encoder's own embeddings, checked inputs, and nothing published that was not verified."""

import dataclasses
import importlib
import json

import numpy as np
import pytest
import tensorflow as tf
from small_runs import STEP, make_run, save_images

from aag_tf.config import EvaluateConfig, ExportConfig, ProtocolConfig
from aag_tf.evaluation import evaluate
from aag_tf.export import export, load_saved_model
from aag_tf.export.saved_model import write_metadata
from aag_tf.utils.errors import EvaluationError, ExportError, RunDirectoryError
from aag_tf.utils.progress import no_progress

export_module = importlib.import_module("aag_tf.export.export")


def dry_run(run_dir, directory, **settings):
    return export(ExportConfig(run_dir=str(run_dir), export_dir=str(directory), verify=False, dry_run=True, **settings))


def batch(count, shape=(8, 8, 1)):
    return tf.constant(np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8))


def test_verified_export_reports_what_it_did(exported):
    assert exported.path.name == "1"
    assert exported.verification.images >= 16
    assert exported.verification.max_difference <= exported.verification.tolerance
    text = str(exported)
    assert "serving_default: images uint8 [None, 8, 8, 1] -> embedding float32 [None, 32], normalized" in text
    assert "embed_bytes: contents string [None] -> embedding float32 [None, 32]" in text
    assert f"{exported.verification.images} real images through 4 signatures in a fresh process without Keras" in text
    assert [entry.name for entry in exported.path.parent.iterdir()] == ["1"]


@pytest.mark.parametrize("count", [1, 2, 33])
def test_gives_the_embeddings_of_the_encoder(run, model, count):
    expected = run[1](batch(count), training=False).numpy()
    assert np.abs(expected).max() > 0.01
    embedding = model(batch(count))
    assert embedding.dtype == tf.float32
    np.testing.assert_allclose(embedding, expected, atol=1e-5)


def test_an_empty_batch_gives_no_embeddings(model):
    assert model(batch(0)).shape == (0, 32)


@pytest.mark.parametrize("shape", [(8, 9, 1), (16, 16, 1), (8, 8, 3), (8, 8), (64,)])
def test_a_wrong_shape_is_refused_inside_the_graph(model, shape):
    # Through a function that knows no shape, so that nothing but the exported graph itself can refuse it.
    blind = tf.function(model, input_signature=[tf.TensorSpec(None, tf.uint8)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible with expected shape"):
        blind(batch(2, shape))


def test_metadata_says_how_to_use_and_to_repeat_it(exported, model):
    metadata = json.loads((exported.path / "model.json").read_text())
    assert metadata["image_shape"] == [8, 8, 1]
    assert metadata["embedding_dim"] == 32
    assert metadata["version"] == 1
    assert metadata["step"] == STEP
    assert metadata["flags"]["encoder"] == "tiny"
    assert metadata["flags"]["width"] == 0.25
    assert metadata["signatures"]["serving_default"]["inputs"]["images"]["shape"] == [None, 8, 8, 1]
    assert metadata["verification"]["max_difference"] == exported.verification.max_difference
    assert metadata["versions"]["tensorflow"] == tf.__version__
    assert json.dumps(model.metadata.to_json()) == json.dumps(exported.metadata.to_json())
    assert "command" not in metadata  # of the training: it may hold paths
    assert model.metadata.record.config.encoder.width == 0.25


@no_progress()
def test_is_evaluated_like_the_run_it_came_from(run, exported, tmp_path):
    protocol = ProtocolConfig(measures="knn,linear", baselines="untrained")
    output = str(tmp_path / "run.json")
    from_run = evaluate(EvaluateConfig(run_dir=run[0], output=output, report=False, protocol=protocol))
    from_model = evaluate(EvaluateConfig(saved_model=str(exported.path.parent), protocol=protocol))
    assert from_model.path is None
    assert from_model.subject["version"] == 1
    assert len(from_run.results) == 2
    for ours, theirs in zip(from_model.results, from_run.results, strict=True):
        assert ours.features == theirs.features
        # One of 80 test images may fall on the other side by rounding.
        assert ours.measure("knn").value == pytest.approx(theirs.measure("knn").value, abs=0.013)
        assert ours.measure("linear").value == pytest.approx(theirs.measure("linear").value, abs=0.013)


def test_a_model_that_fails_its_verification_is_not_published(run, tmp_path, monkeypatch):
    def fail(directory, *_, **__):
        assert (directory / "saved_model.pb").exists()
        raise ExportError("differs")

    monkeypatch.setattr(export_module, "verify", fail)
    with pytest.raises(ExportError, match="differs"):
        export(ExportConfig(run_dir=run[0], export_dir=str(tmp_path), signatures="serving_default"))
    assert list(tmp_path.iterdir()) == []


def test_refuses_what_it_cannot_export(tmp_path):
    with pytest.raises(RunDirectoryError, match="does not exist"):
        dry_run(tmp_path / "nothing", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def changed_run(tmp_path_factory):
    """A run whose data set has images of another shape now."""
    path = tmp_path_factory.mktemp("changed")
    make_run(path / "run", save_images(path / "data.npz"))
    save_images(path / "data.npz", shape=(9, 9, 1))
    return path / "run"


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, "or export with --noverify"),
        ({"weights": "bfloat16"}, "or export with --weights=float32 --noverify"),
        ({"weights": "float16", "verify": False}, "or export with --weights=float32 --noverify"),
    ],
)
def test_refuses_a_data_set_that_changed(changed_run, tmp_path, settings, advice):
    with pytest.raises(ExportError, match=rf"now has images of shape \[9, 9, 1\] .*{advice}\.$"):
        export(ExportConfig(run_dir=str(changed_run), export_dir=str(tmp_path / "model"), **settings))
    assert not (tmp_path / "model").exists()


def test_the_metrics_of_this_step_are_in_the_metadata_and_on_the_card(changed_run, tmp_path):
    before = dry_run(changed_run, tmp_path)
    assert before.metadata.evaluation is None
    write_metadata(tmp_path, before.metadata)
    assert "Not evaluated when it was exported" in (tmp_path / "model_card.md").read_text()
    results = [
        {
            "features": "trained encoder",
            "dim": 32,
            "measures": [
                {"name": "knn", "value": 0.875, "n": 360, "low": 0.84, "high": 0.91, "details": {"k": 20}},
                {"name": "rankme", "value": 12.5, "n": 360, "low": None, "high": None, "details": {}},
            ],
        }
    ]
    report = {
        "schema": 2,
        "command": "aag-evaluate --run_dir=run",
        "versions": {},
        "subject": {"step": STEP},
        "data": {"dataset": "digits", "split": "test", "num_queries": 360, "num_bank": 1437, "num_classes": 10},
        "results": results,
        "settings": {"knn_k": 20},
    }
    file = changed_run / "evaluation.json"
    file.write_text(json.dumps(report))
    evaluated = dry_run(changed_run, tmp_path, signatures="serving_default,embed_bytes")
    write_metadata(tmp_path, dataclasses.replace(evaluated.metadata, version=2))
    assert json.loads((tmp_path / "model.json").read_text())["evaluation"]["results"] == results
    card = (tmp_path / "model_card.md").read_text()
    assert "# Image encoder, version 2" in card
    assert "| kNN (k=20) | 87.50 [84.0, 91.0] |" in card
    assert "| effective rank, RankMe | 12.5 |" in card
    assert "| `embed_bytes` | `contents` string [any] |" in card
    file.write_text(json.dumps(report | {"subject": {"step": STEP + 1}}))
    assert dry_run(changed_run, tmp_path).metadata.evaluation is None
    file.write_text("{")
    # Before the data set is opened, which would be refused.
    with pytest.raises(EvaluationError, match="evaluate again: aag-evaluate --run_dir="):
        dry_run(changed_run, tmp_path, weights="bfloat16")
    file.unlink()


def test_an_encoder_that_others_will_not_load_is_exported_with_a_warning(run, tmp_path, monkeypatch, caplog):
    saved = export_module.write_saved_model

    def with_a_print(directory, resources, signatures):
        def talk(function):
            def talking(*inputs):
                tf.print("embedding")
                return function(*inputs)

            return talking

        changed = {
            name: dataclasses.replace(signature, function=talk(signature.function))
            for name, signature in signatures.items()
        }
        saved(directory, resources, changed)

    monkeypatch.setattr(export_module, "write_saved_model", with_a_print)
    settings = {"signatures": "serving_default", "verify": False}
    report = export(ExportConfig(run_dir=run[0], export_dir=str(tmp_path), **settings))
    assert "The encoder does more than compute (PrintV2), so aag-evaluate, aag-embed and aag-search" in caplog.text
    with pytest.raises(ExportError, match="PrintV2"):
        load_saved_model(report.path)
    assert load_saved_model(report.path, trust_model=True).image_shape == (8, 8, 1)
