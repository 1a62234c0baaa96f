"""Exports: the encoder's own embeddings, checked inputs, and nothing published that is not proved."""

import importlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_runs import STEP, make_run, save_images

from aag_tf.config import EvaluateConfig, ExportConfig
from aag_tf.evaluation import evaluate
from aag_tf.export import export, load_saved_model
from aag_tf.utils.errors import EvaluationError, ExportError, RunDirectoryError

EVERY_SIGNATURE = "serving_default,embed_bytes,embed_images,project"

export_module = importlib.import_module("aag_tf.export.export")
verify_module = importlib.import_module("aag_tf.export.verify")


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """Version 1 of the run's encoder, verified; tests must not change it."""
    directory = tmp_path_factory.mktemp("exports") / "model"
    return directory, export(ExportConfig(run_dir=run[0], export_dir=str(directory), signatures=EVERY_SIGNATURE))


def quick(run, directory, signatures="serving_default", **settings):
    config = ExportConfig(run_dir=run[0], export_dir=str(directory), signatures=signatures, verify=False, **settings)
    return export(config)


def content(directory):
    return sorted(entry.name for entry in Path(directory).iterdir())


def batch(count, shape=(8, 8, 1)):
    return tf.constant(np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8))


def test_verified_export_reports_what_it_did(exported):
    directory, report = exported
    assert report.path == directory / "1"
    assert report.verification.images >= 16
    assert report.verification.max_difference <= report.verification.tolerance
    text = str(report)
    assert "serving_default: images uint8 [None, 8, 8, 1] -> embedding float32 [None, 32], normalized" in text
    assert "embed_bytes: contents string [None] -> embedding float32 [None, 32]" in text
    assert f"{report.verification.images} real images through 4 signatures in a fresh process without Keras" in text
    assert content(directory) == ["1"]


@pytest.mark.parametrize("count", [1, 2, 33])
def test_gives_the_embeddings_of_the_encoder(run, exported, count):
    serve = load_saved_model(exported[0])
    expected = run[1](batch(count), training=False).numpy()
    assert np.abs(expected).max() > 0.01
    embedding = serve(batch(count))
    assert embedding.dtype == tf.float32
    np.testing.assert_allclose(embedding, expected, atol=1e-5)


def test_an_empty_batch_gives_no_embeddings(exported):
    assert load_saved_model(exported[0])(batch(0)).shape == (0, 32)


@pytest.mark.parametrize("shape", [(8, 9, 1), (16, 16, 1), (8, 8, 3), (8, 8), (64,)])
def test_a_wrong_shape_is_refused_inside_the_graph(exported, shape):
    serve = load_saved_model(exported[0])
    # Through a function that knows no shape, so that nothing but the exported graph itself can refuse it.
    blind = tf.function(serve, input_signature=[tf.TensorSpec(None, tf.uint8)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible with expected shape"):
        blind(batch(2, shape))


def test_metadata_says_how_to_use_and_to_repeat_it(run, exported):
    _, report = exported
    metadata = json.loads((report.path / "model.json").read_text())
    assert metadata["image_shape"] == [8, 8, 1]
    assert metadata["embedding_dim"] == 32
    assert metadata["version"] == 1
    assert metadata["step"] == STEP
    assert metadata["flags"]["encoder"] == "tiny"
    assert metadata["flags"]["width"] == 0.25
    assert metadata["signatures"]["serving_default"]["inputs"]["images"]["shape"] == [None, 8, 8, 1]
    assert metadata["verification"]["max_difference"] == report.verification.max_difference
    assert metadata["versions"]["tensorflow"] == tf.__version__


def test_is_judged_like_the_run_it_came_from(run, exported, tmp_path):
    from_run = evaluate(EvaluateConfig(run_dir=run[0], output=str(tmp_path / "run.json"), report=False))
    from_model = evaluate(EvaluateConfig(saved_model=str(exported[0])))
    assert from_model.path is None
    assert from_model.subject["version"] == 1
    for ours, theirs in zip(from_model.results, from_run.results, strict=True):
        assert ours.features == theirs.features
        assert ours.measure("knn").value == pytest.approx(theirs.measure("knn").value, abs=0.003)
        assert ours.measure("linear").value == pytest.approx(theirs.measure("linear").value, abs=0.006)


def test_a_model_that_differs_from_its_encoder_is_not_published(run, tmp_path, monkeypatch):
    def other_weights(directory, resources, signatures):
        kernel = resources[0].trainable_variables[0]
        right = kernel.numpy()
        kernel.assign(right * 1.01)
        write(directory, resources, signatures)
        kernel.assign(right)

    write = export_module.write_saved_model
    monkeypatch.setattr(export_module, "write_saved_model", other_weights)
    with pytest.raises(ExportError, match="differs from the encoder by"):
        export(ExportConfig(run_dir=run[0], export_dir=str(tmp_path), signatures="serving_default"))
    assert content(tmp_path) == []


def test_a_model_that_does_not_load_is_not_published(run, tmp_path, monkeypatch):
    def truncated(directory, resources, signatures):
        write(directory, resources, signatures)
        file = directory / "saved_model.pb"
        file.write_bytes(file.read_bytes()[:100])

    write = export_module.write_saved_model
    monkeypatch.setattr(export_module, "write_saved_model", truncated)
    with pytest.raises(ExportError, match="does not work in a fresh process") as caught:
        export(ExportConfig(run_dir=run[0], export_dir=str(tmp_path), signatures="serving_default"))
    assert "\n" not in str(caught.value)
    assert content(tmp_path) == []


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"refused": False}, "accepts images of a wrong size"),
        ({"serving_default/empty": np.zeros((1, 32), np.float32)}, r"\[1, 32\] for an empty batch"),
        ({"keras_used": True}, "import Keras"),
        ({"serving_default": np.full((4, 32), np.nan, np.float32)}, "differs from the encoder by nan"),
        ({"embed_bytes": np.zeros((4, 31), np.float32)}, r"embed_bytes of the reloaded model gives float32 \[4, 31\]"),
        ({"valid": np.array([True] * 5)}, "does not tell damaged files from good ones"),
    ],
)
def test_every_part_of_the_proof_counts(run, monkeypatch, answers, message):
    good = {"refused": True, "keras_used": False, "valid": np.array([False] + [True] * 4)}
    signatures = ("serving_default", "embed_bytes")
    for name in signatures:
        good[name] = run[1](batch(4), training=False).numpy()
        good[f"{name}/empty"] = np.zeros((0, 32), np.float32)
    monkeypatch.setattr(verify_module, "_ask_fresh_process", lambda *_: good)
    projector = keras.Sequential([keras.layers.Dense(4)])

    def prove():
        return verify_module.verify(Path("unused"), run[1], projector, batch(4).numpy(), signatures=signatures)

    assert prove().max_difference < 1e-5
    good.update(answers)
    with pytest.raises(ExportError, match=message):
        prove()


def test_refuses_what_it_cannot_export(run, tmp_path):
    with pytest.raises(RunDirectoryError, match="does not exist"):
        export(ExportConfig(run_dir=str(tmp_path / "nothing"), export_dir=str(tmp_path / "new")))
    assert content(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, "or export with --noverify"),
        ({"weights": "bfloat16"}, "or export with --weights=float32 --noverify"),
        ({"weights": "float16", "verify": False}, "or export with --weights=float32 --noverify"),
    ],
)
def test_refuses_a_data_set_that_changed(tmp_path, settings, advice):
    dataset = save_images(tmp_path / "data.npz")
    make_run(tmp_path / "run", dataset)
    save_images(tmp_path / "data.npz", shape=(9, 9, 1))
    with pytest.raises(ExportError, match=rf"now has images of shape \[9, 9, 1\] .*{advice}\.$"):
        export(ExportConfig(run_dir=str(tmp_path / "run"), export_dir=str(tmp_path / "model"), **settings))
    assert not (tmp_path / "model").exists()


def test_the_figures_of_this_step_are_in_the_metadata_and_on_the_card(tmp_path, monkeypatch):
    make_run(tmp_path / "run")
    run = (str(tmp_path / "run"), None)
    unjudged = quick(run, tmp_path / "model")
    assert unjudged.metadata["evaluation"] is None
    assert "Not evaluated when it was exported" in (unjudged.path / "model_card.md").read_text()
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
    file = tmp_path / "run" / "evaluation.json"
    file.write_text(json.dumps(report))
    judged = quick(run, tmp_path / "model", "serving_default,embed_bytes")
    assert json.loads((judged.path / "model.json").read_text())["evaluation"]["results"] == results
    card = (judged.path / "model_card.md").read_text()
    assert "| kNN (k=20) | 87.50 [84.0, 91.0] |" in card
    assert "| effective rank, RankMe | 12.5 |" in card
    assert "| `embed_bytes` | `contents` string [any] |" in card
    file.write_text(json.dumps(report | {"subject": {"step": STEP + 1}}))
    assert quick(run, tmp_path / "model").metadata["evaluation"] is None
    file.write_text("{")
    monkeypatch.delattr(export_module, "CostMeter")  # nothing is embedded before the file is read
    with pytest.raises(EvaluationError, match="run aag-evaluate again"):
        quick(run, tmp_path / "model", weights="bfloat16")
