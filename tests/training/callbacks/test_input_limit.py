"""The terminal says once that the input is the limit, when it clearly is."""

import numpy as np
import pytest

from aag_tf.config import AugmentConfig, DataConfig
from aag_tf.data import ArrayImages
from aag_tf.training.callbacks import input_limit
from aag_tf.training.callbacks.input_limit import InputLimit
from aag_tf.training.input_advice import InputOfRun


class Events:
    def __init__(self):
        self.texts = []

    def write_text(self, tag, text, *, step):
        self.texts.append((tag, text, step))


@pytest.fixture
def watch(monkeypatch):
    """Feeds records of 10 steps to an `InputLimit`, each `(seconds of a step, share)`; returns what it wrote."""
    monkeypatch.setattr(input_limit, "usable_cores", lambda: 2.0)
    images = ArrayImages(np.zeros((8, 8, 8, 3), np.uint8))

    def watch(records, start_step=0):
        events = Events()
        run = InputOfRun(data=DataConfig(), augment=AugmentConfig(), images=images, total=8, on_gpu=False)
        limit = InputLimit(events, run, global_batch_size=64, start_step=start_step)
        step = start_step
        for seconds, share in records:
            step += 10
            limit.write(
                {"step": step, "images_per_second": 64 / seconds, "data_wait_share": share, "cpu_cores_used": 1.9}
            )
            limit.write({"step": step, "knn_accuracy": 0.5})  # of the encoder monitor
        return events.texts

    return watch


def test_it_is_said_once_with_what_was_measured(watch, caplog):
    assert watch([(1.0, 0.0), (1.0, 0.5), (1.0, 0.3), (1.0, 0.9), (1.0, 0.9), (1.0, 0.9)]) == [
        (
            "warnings",
            "input is the limit: until step 30, steps waited 40% of 20 s for their images (speed/data_wait_share). 1.9 "
            "of 2 CPU cores were busy with it, which is all of them. What helps:\n"
            f"- {_cores()}",
            30,
        )
    ]
    assert caplog.text.count("input is the limit") == 1


def _cores():
    import os

    present = os.cpu_count()
    if present > 2:
        return f"more CPU cores: this process may use 2 of the {present} of this machine"
    return f"a machine with more CPU cores than {present}"


@pytest.mark.parametrize(
    "records",
    [
        [(1.0, 0.29)] * 50,
        [(1.0, 1.0)],  # the first ten seconds do not count
        [(1.0, 1.0), (1.0, 1.0)],  # nor ten more, which are too few
        [(0.1, 1.0)] * 29,  # nor many steps of ten seconds, behind those of the beginning
        [(1.0, 0.0), (1.0, 0.55), (1.0, 0.0)] + [(1.0, 0.0)] * 9,
        [],
    ],
)
def test_it_is_not_said_where_the_input_is_no_limit_or_too_little_is_known(watch, records, caplog):
    assert watch(records) == []
    assert "input is the limit" not in caplog.text


def test_it_is_said_where_a_fast_run_slows_down_later(watch):
    ((_, text, step),) = watch([(1.0, 0.1)] * 11 + [(1.0, 0.6)] * 4, start_step=1_000)
    assert step == 1_130
    assert "steps waited 60% of 20 s" in text


def test_twenty_steps_of_any_length_are_needed(watch):
    ((_, text, step),) = watch([(60.0, 0.9)] * 9)
    assert step == 30
    assert "90% of 1200 s" in text
