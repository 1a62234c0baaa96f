"""A run directory that version 0.1.0 wrote before its record had a format version: loaded, compared and resumed."""

import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import records

from aag_tf import flags
from aag_tf.config import TrainConfig
from aag_tf.evaluation.saved_evaluation import read_evaluation
from aag_tf.runs import load_run
from aag_tf.training import train
from aag_tf.training.callbacks import TensorBoardWriter

RUN = Path(__file__).parents[1] / "data_of_0_1_0" / "run"


def test_an_earlier_run_is_loaded():
    run = load_run(RUN)
    assert run.step == 3
    assert run.record.image_shape == (8, 8, 1)
    assert run.record.config.encoder.width == 0.125
    assert run.record.config.augment.aux_size is None  # a setting of later versions
    assert run.record.class_names == list("0123456789")
    saved = tf.train.load_checkpoint(str(RUN / "checkpoints" / "step-3" / "state"))
    stored = [saved.get_tensor(key) for key in saved.get_variable_to_shape_map() if "VARIABLE_VALUE" in key]
    for weight in run.encoder.get_weights():
        assert any(np.array_equal(weight, value) for value in stored)


def test_an_earlier_evaluation_is_read():
    saved = read_evaluation(str(RUN))
    assert [result.dim for result in saved.results] == [64, 32, 32]


def test_an_earlier_run_is_resumed(tmp_path):
    shutil.copytree(RUN, tmp_path / "run")
    earlier = TensorBoardWriter(tmp_path / "run" / "tensorboard")
    for step in (2, 4):  # the run was killed after step 4, its last checkpoint is of step 3
        earlier.write({"step": step, "loss": float(step)})
    earlier.close()
    argv = ["aag-train", f"--flagfile={RUN / 'flags.txt'}", f"--run_dir={tmp_path / 'run'}", "--resume"]
    assert train(flags.parse(argv, TrainConfig, usage="")).step == 6
    assert [record["step"] for record in records(tmp_path / "run")] == [2, 4, 6]
    assert not list((tmp_path / "run").glob("events*"))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    losses = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("loss/gnt_xent")}
    assert losses.keys() == {2, 4, 6}
    assert losses[2] == 2.0
    assert losses[4] != 4.0
