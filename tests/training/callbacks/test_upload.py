"""Metrics and events reach a store between checkpoints, and not at every step."""

import keras
import pytest

from aag_tf.training.callbacks.upload import Upload
from aag_tf.training.step_range import StepRange


class Directory:
    """Counts its uploads."""

    def __init__(self):
        self.pushed = 0

    def push(self):
        self.pushed += 1


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 3), (1000.0, 0)])
def test_uploads_when_it_is_due_and_enough_time_has_passed(seconds, expected):
    directory = Directory()
    upload = Upload(directory, StepRange(0, 12, 12), every=4, seconds=seconds)
    upload.set_model(keras.Sequential())
    upload.on_train_begin()
    upload.on_epoch_begin(0)
    for batch in range(12):
        upload.on_train_batch_end(batch)
    assert directory.pushed == expected


def test_the_time_starts_anew_with_each_upload(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    directory = Directory()
    upload = Upload(directory, StepRange(0, 12, 12), every=1, seconds=30.0)
    upload.on_train_begin()
    pushed = []
    for batch, seconds in enumerate([10, 29, 31, 32, 60, 62]):
        now[0] = float(seconds)
        upload.on_train_batch_end(batch)
        pushed.append(directory.pushed)
    assert pushed == [0, 0, 1, 1, 1, 2]
