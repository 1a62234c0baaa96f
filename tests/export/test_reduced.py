"""Kernels in 16 bits: half the file, the rounded encoder's embeddings, and the cost in the report."""

import json

import numpy as np
import pytest
import tensorflow as tf
from small_runs import make_run, save_images

from aag_tf.config import ExportConfig
from aag_tf.data import open_source
from aag_tf.export import export, load_saved_model
from aag_tf.export.reduced import CostMeter, ReducedEncoder
from aag_tf.runs.run import load_run
from aag_tf.utils.errors import ExportError


@pytest.fixture
def run_dir(run):
    return run[0]


def images(count=16):
    return tf.constant(np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), np.uint8))


def size_of_variables(directory):
    return sum(file.stat().st_size for file in (directory / "variables").iterdir())


@pytest.mark.parametrize(("weights", "steps"), [("bfloat16", 2**8), ("float16", 2**11)])
def test_kernels_are_rounded_and_vectors_are_not(run_dir, weights, steps):
    exact, rounded = load_run(run_dir).encoder, load_run(run_dir).encoder
    reduced = ReducedEncoder(rounded, weights)
    for before, after in zip(exact.weights, rounded.weights, strict=True):
        difference = np.abs(before.numpy() - after.numpy())
        if len(before.shape) < 2:
            assert not difference.any()
        else:
            assert 0 < difference.max() <= np.abs(before.numpy()).max() / steps
    np.testing.assert_allclose(reduced(images()), rounded(images(), training=False), atol=1e-6)


def test_export_is_smaller_and_verified_and_its_cost_measured(run_dir, encoder_dir, tmp_path):
    full = load_saved_model(encoder_dir)
    half = export(
        ExportConfig(run_dir=run_dir, export_dir=str(tmp_path), weights="bfloat16", signatures="serving_default")
    )
    assert size_of_variables(half.path) < 0.75 * size_of_variables(full.path)
    cost = half.precision_cost
    assert 0.99 < cost.min_cosine <= cost.mean_cosine < 1
    assert abs(cost.knn_full - cost.knn_reduced) < 0.05
    assert cost.knn_full > 0.5
    assert f"kNN {100 * cost.knn_full:.2f} -> {100 * cost.knn_reduced:.2f} %" in str(half)
    assert json.loads((half.path / "model.json").read_text())["precision_cost"]["min_cosine"] == cost.min_cosine
    assert half.metadata.weights == "bfloat16"
    a, b = (model(images()).numpy() for model in (full, load_saved_model(half.path)))
    assert 0 < np.abs(a - b).max() < 0.05 * np.abs(a).max()


def test_labels_of_one_class_have_no_cost_in_accuracy(run_dir):
    run = load_run(run_dir)
    source = open_source(run.record.config.data)
    source.train.labels[:] = 3
    source.validation.labels[:] = 3
    cost = CostMeter(run.encoder, source).cost("bfloat16")
    assert (cost.knn_full, cost.min_cosine) == (None, pytest.approx(1.0))


def test_the_cost_is_that_of_what_was_changed(run_dir):
    run = load_run(run_dir)
    meter = CostMeter(run.encoder, open_source(run.record.config.data))
    same = meter.cost("float32")
    assert same.min_cosine == pytest.approx(1, abs=1e-6)
    assert same.knn_full == same.knn_reduced
    kernel = run.encoder.trainable_variables[0]
    kernel.assign(-kernel)
    assert meter.cost("nonsense").min_cosine < 0.99


def test_without_labels_there_is_no_accuracy(tmp_path):
    make_run(tmp_path / "run", save_images(tmp_path / "data.npz"))
    report = export(
        ExportConfig(run_dir=str(tmp_path / "run"), export_dir=str(tmp_path / "model"), weights="float16", dry_run=True)
    )
    assert report.precision_cost.knn_full is None
    assert "NN" not in str(report.precision_cost)


def test_weights_that_do_not_fit_are_refused(run_dir):
    encoder = load_run(run_dir).encoder
    kernel = encoder.trainable_variables[0]
    kernel.assign(kernel * 1e6)
    with pytest.raises(ExportError, match="cannot hold; export with --weights=bfloat16"):
        ReducedEncoder(encoder, "float16")
