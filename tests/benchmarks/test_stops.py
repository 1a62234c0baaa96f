"""The script that stops runs at random moments counts what became of them; its runs here are a loop that sleeps.

That `aag-train` itself ends, and goes on to the same weights, is tested in `tests/training`.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from benchmark_scripts import script

stops = script("stops")
STEPS = 30


def step_through(log, flags):
    """In place of training: a line of metrics.jsonl a step, a checkpoint at the end and on SIGTERM."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    run_dir = Path(next(flag for flag in flags if flag.startswith("--run_dir=")).removeprefix("--run_dir="))
    if "--hang" in flags and "reference" not in run_dir.name:
        while True:
            time.sleep(0.1)
    run_dir.mkdir(exist_ok=True)
    (run_dir / "run.json").touch()
    saved = [int(path.name.removeprefix("step-")) for path in run_dir.glob("checkpoints/step-*")]
    for step in range(max(saved, default=0) + 1, STEPS + 1):
        time.sleep(0.01)
        with (run_dir / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "loss": 1.0}) + "\n")
        if stopped or step == STEPS:
            (run_dir / "checkpoints" / f"step-{step}").mkdir(parents=True)
            os._exit(143 if stopped else 0)


def prepared(monkeypatch, *flags):
    monkeypatch.setattr(stops, "_train", step_through)
    monkeypatch.setattr(stops, "data_flags", lambda kind, folder: list(flags))
    monkeypatch.setattr(stops, "FLAGS", [])
    same = {"identical": True, "records_equal": True, "events_equal": True}
    monkeypatch.setattr(stops, "compared", lambda run, reference: same)


def test_stopped_runs_are_counted_and_go_on_until_they_are_complete(tmp_path, monkeypatch):
    prepared(monkeypatch)
    rows = stops.study("jpeg_cut", tmp_path, 4, 0)
    stopped, complete = [row for row in rows if "ended" in row], [row for row in rows if "finished" in row]
    assert len(stopped) == 4
    assert len(complete) >= 1
    for row in stopped:
        assert (row["ended"], row["exit"]) == (True, 143), row
        assert row["saved_step"] > row["step_seen"], row
    assert all(row["exit"] == 0 for row in complete)
    assert stops.summary(rows).splitlines()[2].startswith("| `jpeg_cut` | 4 |")


def test_a_run_that_does_not_end_is_killed_and_told_of(tmp_path, monkeypatch):
    prepared(monkeypatch, "--hang")
    monkeypatch.setattr(stops, "PATIENCE", 0.2)
    run = stops.Run(tmp_path / "hangs", ["--hang"])
    monkeypatch.setattr(sys, "argv", [])
    row = stops.stop(run, 1, 0.3)  # the seed of a stop before the first step
    assert (row["before_first_step"], row["ended"], row["exit"]) == (True, False, None)
    assert row["threads"]
    with pytest.raises(ChildProcessError):  # it was waited for
        run.code()
