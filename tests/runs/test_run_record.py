"""What a run is, and what its machines must share."""

import keras
import numpy as np

from aag_tf.augment import MainBranch
from aag_tf.config import DataConfig, ScheduleConfig, TrainConfig
from aag_tf.data import open_source
from aag_tf.runs.run_record import worker_consistency_key


def test_workers_with_as_many_other_images_are_told_apart(tmp_path):
    shared = []
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        images = np.random.default_rng(seed).integers(0, 256, (40, 8, 8, 1), np.uint8)
        np.savez(tmp_path / f"{name}.npz", images=images)
        source = open_source(DataConfig(dataset=f"npz:{tmp_path}/{name}.npz"))
        shared.append(worker_consistency_key(TrainConfig(), source))
    assert shared[0] == shared[1] != shared[2]


def test_workers_with_another_branch_encoder_or_execution_are_told_apart():
    source = open_source(DataConfig(dataset="digits"))
    own = keras.Sequential([keras.Input(source.image_shape), keras.layers.Flatten()])
    several = TrainConfig(schedule=ScheduleConfig(steps_per_execution=4))
    shared = [
        worker_consistency_key(TrainConfig(), source),
        worker_consistency_key(several, source),
        worker_consistency_key(TrainConfig(), source, MainBranch()),
        worker_consistency_key(TrainConfig(), source, None, own),
    ]
    assert len(set(shared)) == 4
