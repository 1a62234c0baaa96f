"""Precisions, views, replicas, micro-batches and compilers that a run can have."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import training_runs
from training_runs import STEPS, settings, steps_logged, weights

from aag_tf.config import AugmentConfig, LossConfig
from aag_tf.training.model import AAG
from aag_tf.training.train import train

TWO_VIEWS = {"augment": AugmentConfig(aux="none")}
LEARNED = {"loss": LossConfig(learn_temperature=True, coupling=1.0)}
PLAIN = {"two views": TWO_VIEWS, "learned": LEARNED}


def schedule(**settings):
    return {"schedule": training_runs.schedule(train_steps=4, global_batch_size=64, **settings)}


def last_loss(run_dir, **options):
    """The loss of the fourth step."""
    config = dataclasses.replace(settings(run_dir), **schedule() | options)
    assert train(config).complete
    assert keras.config.dtype_policy().name == "float32"  # whatever the precision of the run
    (record,) = steps_logged(run_dir)
    assert record["step"] == 4
    assert ("loss_scale" in record) == (config.schedule.precision == "mixed_float16")
    return record["loss"]


@pytest.fixture(scope="module")
def plain_loss(tmp_path_factory):
    """The loss without the option under test, by the name of the other settings."""
    return functools.cache(lambda name: last_loss(tmp_path_factory.mktemp("plain") / "run", **PLAIN[name]))


@pytest.mark.parametrize(
    ("options", "plain", "tolerance"),
    [
        ({"augment": AugmentConfig(aux="none", augment_on="host")}, "two views", 1e-4),
        (LEARNED | schedule(cpu_replicas=2), "learned", 1e-4),
        (TWO_VIEWS | schedule(precision="mixed_bfloat16"), "two views", 2e-2),
        (TWO_VIEWS | schedule(precision="mixed_float16"), "two views", 5e-3),
        (LEARNED | schedule(jit_compile="auto"), "learned", 1e-3),
        (TWO_VIEWS | schedule(jit_compile="on"), "two views", 1e-3),
        # Batch norm sees micro-batches. Without the negatives of the other one, the loss would lack log 2.
        (TWO_VIEWS | schedule(accumulation_steps=2, precision="mixed_float16", jit_compile="on"), "two views", 5e-2),
    ],
    ids=["two-views-on-host", "two-replicas", "bfloat16", "float16", "xla-branches", "xla", "micro"],
)
def test_every_mode_gives_the_same_loss(plain_loss, options, plain, tolerance, tmp_path):
    assert last_loss(tmp_path / "run", **options) == pytest.approx(plain_loss(plain), rel=tolerance)


@pytest.mark.parametrize(("augment_on", "pictures"), [("device", "image"), ("host", "views")])
def test_views_are_drawn_where_the_settings_say(augment_on, pictures, tmp_path, monkeypatch):
    fitted = []
    monkeypatch.setattr(AAG, "fit", lambda model, batches, **arguments: fitted.append(batches.element_spec))
    train(dataclasses.replace(settings(tmp_path / "run"), augment=AugmentConfig(augment_on=augment_on)))
    assert [set(spec) for spec in fitted] == [{pictures, "step", "row"}]


def test_four_views_train(tmp_path):
    assert np.isfinite(last_loss(tmp_path / "run", augment=AugmentConfig(aux="main", aux_views=2)))


def test_several_steps_per_execution_change_when_metrics_are_logged_and_nothing_else(finished, tmp_path):
    several = training_runs.schedule(steps_per_execution=5)
    config = dataclasses.replace(settings(tmp_path / "run"), schedule=several)
    assert train(config).step == STEPS  # two executions of five, and one of two
    for first, again in zip(weights(finished), weights(tmp_path / "run"), strict=True):
        np.testing.assert_allclose(first, again, rtol=1e-4, atol=1e-5)  # another graph rounds otherwise
    expected, logged = steps_logged(finished), steps_logged(tmp_path / "run")
    assert [record["step"] for record in logged] == [5, 10, 12]
    assert [record["loss"] for record in logged] == pytest.approx([record["loss"] for record in expected], rel=1e-5)
    assert all(0.0 <= record["data_wait_share"] <= 1.0 for record in [*logged, *expected])
