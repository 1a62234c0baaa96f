"""Records of a run: when they are written, what they contain, and where they are shown and kept."""

import errno
import io
import itertools
import json
import os
from types import SimpleNamespace

import pytest

from aag_tf.training.callbacks import MetricsFile, Progress, StepLog, StepRange
from aag_tf.training.callbacks.tolerant_writer import TolerantWriter
from aag_tf.training.train_function import DATA_WAIT


def test_a_line_holds_finite_values_only_since_json_has_no_others(tmp_path):
    file = MetricsFile(tmp_path / "metrics.jsonl")
    file.write({"step": 1, "loss": 2.0, "gradient_norm": float("inf"), "uniformity": float("nan")})
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1, "loss": 2.0}\n'


def test_a_line_is_on_the_disk_on_return(tmp_path, on_fsync):
    file, synced = MetricsFile(tmp_path / "metrics.jsonl"), []
    on_fsync(lambda path: synced.append((path, path.read_text())))
    file.write({"step": 1})
    assert synced == [(tmp_path / "metrics.jsonl", '{"step": 1}\n')]


def run_steps(callback, first, last, width=1):
    """Calls the batch hooks as `fit` does, with `width` steps per execution."""
    callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5)))
    for batch in range(first, last, width):
        callback.on_train_batch_begin(batch)
        callback.on_train_batch_end(batch + width - 1, {"loss": float(batch)})


def step_log(writer, **changes):
    step_range = StepRange(changes.pop("start_step", 0), total_steps=10, steps_per_epoch=5)
    return StepLog([writer], step_range, **{"every": 4, "global_batch_size": 8, **changes})


@pytest.mark.parametrize(
    ("changes", "width", "steps"),
    [
        ({}, 1, [4, 8, 10]),
        ({}, 2, [4, 8, 10]),
        ({"every": 100}, 1, [10]),
        ({"every": 3}, 2, [4, 6, 10]),
        ({"every": 6}, 4, [8, 10]),
    ],
)
def test_records_are_written_at_their_interval_and_at_the_end(writer, changes, width, steps):
    run_steps(step_log(writer, **changes), 0, 10, width)
    assert [record["step"] for record in writer.records] == steps


def test_a_record_says_where_it_is_and_how_fast(writer):
    run_steps(step_log(writer, start_step=6), 0, 4)
    assert [(record["step"], record["epoch"], record["loss"]) for record in writer.records] == [
        (8, 8 / 5, 1.0),
        (10, 10 / 5, 3.0),
    ]
    assert all(record["learning_rate"] == 0.5 and record["images_per_second"] > 0 for record in writer.records)


def test_a_record_says_which_share_of_the_time_was_spent_waiting(writer, monkeypatch):
    log = StepLog([writer], StepRange(0, 4, 4), every=2, global_batch_size=8)
    log.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5)))
    clock = iter([0.0, 2.0, 10.0, 12.0, 20.0, 21.0, 30.0, 31.0])
    cpu = iter([0.0, 9.0, 10.0, 17.0, 20.0, 21.0, 30.0, 30.5])  # of all threads; the first execution is not counted
    monkeypatch.setattr(
        "aag_tf.training.callbacks.step_log.time",
        SimpleNamespace(perf_counter=lambda: next(clock), process_time=lambda: next(cpu)),
    )
    for batch, waited in enumerate([1.0, 2.0, 0.0, 0.5]):
        log.on_train_batch_begin(batch)
        log.on_train_batch_end(batch, {"loss": 1.0, DATA_WAIT: waited})
    assert [record["data_wait_share"] for record in writer.records] == [2.0 / 2.0, 0.5 / 2.0]
    assert [record["cpu_cores_used"] for record in writer.records] == [7.0 / 2.0, 1.5 / 2.0]
    assert all(0.01 < record["host_memory_gib"] < 1000 and DATA_WAIT not in record for record in writer.records)


@pytest.mark.parametrize(
    ("every", "width", "expected"),
    [
        (4, 1, [(4, 3 * 8 / 3.0, 100.0), (8, 4 * 8 / 4.0, None)]),
        (4, 2, [(4, 2 * 8 / 1.0, 100.0), (8, 4 * 8 / 2.0, None)]),
        (1, 4, [(4, 4 * 8 / 100.0, None), (8, 4 * 8 / 1.0, None)]),  # it would have nothing else to count
    ],
)
def test_the_step_that_compiles_does_not_count_in_the_speed(writer, monkeypatch, every, width, expected):
    log = StepLog([writer], StepRange(0, 8, 8), every=every, global_batch_size=8)
    ticks = itertools.accumulate(itertools.chain([0.0, 100.0], itertools.cycle([0.0, 1.0])))
    monkeypatch.setattr(
        "aag_tf.training.callbacks.step_log.time", SimpleNamespace(perf_counter=lambda: next(ticks), process_time=float)
    )
    run_steps(log, 0, 8, width)
    found = [(r["step"], r["images_per_second"], r.get("first_step_seconds")) for r in writer.records]
    assert found == expected


def test_the_metrics_file_drops_records_of_steps_that_are_repeated(tmp_path):
    path = tmp_path / "metrics.jsonl"
    first = MetricsFile(path)
    for step in (1, 2, 3):
        first.write({"step": step, "loss": step / 2})
    with path.open("a") as file:
        file.write('{"step": 4, "lo')  # a process was killed here
    MetricsFile(path, start_step=2).write({"step": 3, "loss": 9.0})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 1, "loss": 0.5},
        {"step": 2, "loss": 1.0},
        {"step": 3, "loss": 9.0},
    ]


def test_progress_without_a_terminal_is_an_occasional_line():
    stream = io.StringIO()
    progress = Progress(StepRange(0, 100, 10), stream=stream)
    progress.on_train_begin()
    progress.write({"step": 10, "knn_accuracy": 0.625})
    for step in (10, 20, 100):
        progress.write({"step": step, "loss": 2.0, "images_per_second": 1234.5})
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2  # the second is within half a minute of the first, the last always comes
    assert lines[0] == "step 10 of 100: loss 2.000, 1,234 images/s, kNN 62.5%"  # no step is timed yet
    assert lines[1] == "step 100 of 100: loss 2.000, 1,234 images/s, kNN 62.5%"  # nothing is left


@pytest.mark.parametrize(("start", "width"), [(0, 1), (0, 10), (40, 1)])
def test_the_time_left_does_not_count_the_step_that_compiles(monkeypatch, start, width):
    now = [0.0]
    monkeypatch.setattr("aag_tf.training.callbacks.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    stream = io.StringIO()
    progress = Progress(StepRange(start, start + 100, 10), stream=stream)
    progress.on_train_begin()
    progress.write({"step": start + width, "loss": 2.0, "images_per_second": 1.0})
    assert stream.getvalue().endswith("images/s\n")
    for batch in range(0, 20, width):
        progress.on_train_batch_begin(batch)
        now[0] += 3600.0 if batch == 0 else 60.0 * width
        progress.on_train_batch_end(batch + width - 1)
    progress.write({"step": start + 20, "loss": 2.0, "images_per_second": 1.0})
    assert stream.getvalue().endswith(", 1:20 h left\n")  # 80 steps, a minute each


def test_progress_on_a_terminal_is_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    progress = Progress(StepRange(40, 100, 10), stream=stream)
    progress.on_train_begin()
    progress.write({"step": 100, "loss": 2.0, "images_per_second": 1234.5})
    for batch in range(60):
        progress.on_train_batch_end(batch)
    progress.close()
    assert "100/100" in stream.getvalue()
    assert "loss 2.000" in stream.getvalue()


@pytest.mark.parametrize(("terminal", "number"), [(True, errno.EIO), (False, errno.EIO), (False, errno.EPIPE)])
def test_a_run_goes_on_when_its_terminal_is_gone(terminal, number):
    class Gone(io.StringIO):
        def isatty(self):
            return terminal

        def write(self, text):
            raise OSError(number, os.strerror(number))

    progress = Progress(StepRange(0, 3, 3), stream=Gone())
    progress.on_train_begin()
    for batch in range(3):
        progress.write({"step": batch + 1, "loss": 2.0, "images_per_second": 1234.5})
        progress.on_train_batch_end(batch)
    progress.close()


def test_a_writer_whose_network_fails_loses_its_record_and_not_the_run(caplog):
    kept = []

    class Remote:
        def write(self, record):
            if record["step"] == 2:
                raise ConnectionResetError("the other\nside has gone")
            kept.append(record["step"])

    writer = TolerantWriter(Remote())
    for step in (1, 2, 3):
        writer.write({"step": step})
    assert kept == [1, 3]
    assert "Remote lost the record of step 2 (the other side has gone)" in caplog.text
    with pytest.raises(KeyError):  # a mistake in it is the user's to see
        writer.write({})
