"""What the machines of a run must share."""

import dataclasses

import keras

from aag_tf.config import ScheduleConfig, TrainConfig
from aag_tf.runs import RunRecord
from aag_tf.training.resume_checks import worker_consistency_key

RECORD = RunRecord(config=TrainConfig(), image_shape=(8, 8, 1), num_train_images=40, fingerprint="one")


def test_workers_with_other_images_branches_encoders_or_executions_differ():
    custom = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    several = TrainConfig(schedule=ScheduleConfig(steps_per_execution=4))
    keys = [
        worker_consistency_key(TrainConfig(), RECORD),
        worker_consistency_key(TrainConfig(), dataclasses.replace(RECORD, fingerprint="other")),
        worker_consistency_key(TrainConfig(), dataclasses.replace(RECORD, auxiliary={"class_name": "MainBranch"})),
        worker_consistency_key(TrainConfig(), RECORD, custom),
        worker_consistency_key(several, RECORD),
    ]
    assert len(set(keys)) == len(keys)
    # Names of files and the time of the start do not count.
    again = dataclasses.replace(RECORD, command=["aag-train", "--run_dir=elsewhere"])
    assert worker_consistency_key(TrainConfig(), again) == keys[0]
