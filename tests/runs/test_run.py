"""A run directory read back: all that read one take the checkpoint that was asked for."""

import numpy as np
import pytest
from small_runs import STEP, add_checkpoint, make_run

from aag_tf.config import EvaluateConfig, ExportConfig
from aag_tf.evaluation.subjects import load_subject
from aag_tf.export import export
from aag_tf.runs.run import load_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run directory whose best checkpoint is not its newest, and the encoder of each."""
    path = tmp_path_factory.mktemp("runs") / "digits"
    make_run(path)
    best, latest = add_checkpoint(path, STEP, 0.9), add_checkpoint(path, STEP + 1, 0.5)
    return str(path), {"best": best, "latest": latest}


@pytest.mark.parametrize(("checkpoint", "step"), [("best", STEP), ("latest", STEP + 1)])
def test_the_checkpoint_that_was_asked_for_is_loaded_judged_and_exported(run, checkpoint, step, tmp_path):
    run_dir, encoders = run
    loaded = load_run(run_dir, checkpoint)
    assert loaded.step == step
    for weight, written in zip(loaded.encoder.get_weights(), encoders[checkpoint].get_weights(), strict=True):
        np.testing.assert_array_equal(weight, written)
    assert load_subject(EvaluateConfig(run_dir=run_dir, checkpoint=checkpoint)).facts["step"] == step
    served = ExportConfig(
        run_dir=run_dir,
        export_dir=str(tmp_path / "served"),
        checkpoint=checkpoint,
        signatures="serving_default",
        verify=False,
        dry_run=True,
    )
    assert export(served).step == step
