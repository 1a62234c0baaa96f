"""The comparison of packages over minutes: the loop that all share, how each is tuned, what is written."""

import argparse
import sys

import numpy as np
import pytest
from benchmark_scripts import script

work, head_to_head = script("head_to_head_work"), script("head_to_head")


class Fake:
    """Counts what it is trained with; an embedding is the mean of an image."""

    def __init__(self, given):
        self.rates = []

    def train(self, learning_rate):
        self.rates.append(learning_rate)

    def embed(self, images):
        return images.reshape(len(images), -1).mean(axis=1, keepdims=True)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, count in (("train", 700), ("held_out", 40), ("test", 30)):
        pixels = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
        np.save(folder / f"{name}.npy", np.broadcast_to(pixels, (count, 32, 32, 3)))
        np.save(folder / f"{name}_labels.npy", np.arange(count) % 10)
    return folder


def test_the_rate_rises_and_falls_to_zero():
    rates = [work.learning_rate(step, 100, 0.5) for step in range(100)]
    assert rates[0] == 0
    assert rates[5] == max(rates) == 0.5
    assert rates[52] == pytest.approx(0.5 * 0.5 * (1 + np.cos(np.pi * 47 / 95)))
    assert rates[99] < 0.001


def test_batches_have_every_image_once_an_epoch_but_for_the_rest():
    images = np.arange(200)
    stream = work.batches(images, seed=3)
    first, second = ([next(stream) for _ in range(3)] for _ in range(2))
    assert all(len(np.unique(np.concatenate(epoch))) == 192 for epoch in (first, second))
    assert not np.array_equal(first[0], second[0])


def test_looks_are_written_on_the_way_and_the_last_has_test(tmp_path, data, monkeypatch):
    monkeypatch.setattr(work, "BANK", 600)
    made = []
    given = argparse.Namespace(steps=8, looks=2, learning_rate=0.5, data=data, output=tmp_path)
    found = work.run(lambda given: made.append(Fake(given)) or made[-1], given)
    assert made[0].rates == [work.learning_rate(step, 8, 0.5) for step in range(8)]
    assert [(look["step"], look["file"]) for look in found["looks"]] == [(4, "look_0.npz"), (8, "look_1.npz")]
    assert found["start_seconds"] > 0
    assert found["steps_per_second"] > 0
    first, last = (np.load(tmp_path / f"look_{look}.npz") for look in range(2))
    assert {name: len(first[name]) for name in first.files} == {"train": 600, "held_out": 40}
    assert {name: len(last[name]) for name in last.files} == {"train": 700, "held_out": 40, "test": 30}
    assert last["train"][255] == 255


def arguments_of(tmp_path, **settings):
    """Arguments of the study of one method, with its results in `tmp_path`."""
    defaults = {"methods": ["plain Keras"], "stages": head_to_head.STAGES, "minutes": [15.0], "seeds": [0]}
    files = {"results": tmp_path / "rows.jsonl", "peers_python": "python"}
    return argparse.Namespace(**{**defaults, **files, "tune_minutes": 1.0, "looks": 2, **settings})


def found_for(job, best):
    """A row of a run whose held-out accuracy is highest at `best`, the rate and the temperature."""
    near = [job.learning_rate == best[0], job.temperature == best[1]]
    return {"held_out": {"linear": 0.4 + 0.1 * sum(near)}}


def test_rates_are_tuned_by_held_out_images_then_temperatures_and_then_it_runs_for_the_minutes(tmp_path):
    given, records, started = arguments_of(tmp_path, minutes=[15.0, 30.0]), {}, []
    while waiting := [job for job in head_to_head.jobs(given, records) if job.key not in records]:
        started.append([(job.stage, job.minutes, job.learning_rate, job.temperature, job.seed) for job in waiting])
        records |= {job.key: found_for(job, best=(0.007, 0.1)) for job in waiting}
    assert started == [
        [("tune", 1.0, rate, 0.17, 1000) for rate in (0.00175, 0.0035, 0.007)],
        [("tune", 1.0, 0.007, temperature, 1000) for temperature in (0.1, 0.25)],
        [("final", minutes, 0.007, 0.1, 0) for minutes in (15.0, 30.0)],
    ]


def test_only_final_runs_use_the_test_split():
    stages = {stage: head_to_head.Job(stage, "plain Keras", 4.0, 0.007, 0.1, 0) for stage in head_to_head.STAGES}
    assert {stage: job.uses_test for stage, job in stages.items()} == {"tune": False, "final": True}


def test_minutes_are_those_of_an_idle_machine(tmp_path, monkeypatch):
    given, seen = arguments_of(tmp_path), []

    def work(method, steps, given, data, *flags, cores=0):
        seen.append((method, steps, cores, *(flag for flag in flags if not flag.startswith("--output"))))
        looks = [{"step": step, "file": f"look_{index}.npz"} for index, step in enumerate((steps // 2, steps))]
        return {"looks": looks, "steps_per_second": 8.0 + len(seen), "start_seconds": 10.0 + len(seen)}

    def judge(files, data, *, test):
        assert [file.name for file in files] == ["look_0.npz", "look_1.npz"]
        accuracy = {"knn": 0.5, "linear": 0.6}
        return {"curve": [0.4, 0.5], "held_out": accuracy, **({"test": accuracy} if test else {})}

    monkeypatch.setattr(head_to_head, "work", work)
    monkeypatch.setattr(head_to_head, "judge", judge)
    speed = head_to_head.measure_speed("plain Keras", given, tmp_path)
    assert seen == 2 * [("plain Keras", head_to_head.TRIAL_STEPS, 0)]
    assert (speed["key"], speed["steps_per_second"], speed["start_seconds"]) == ("speed/plain Keras", 9.5, 11.5)

    speed |= {"steps_per_second": 10.0, "start_seconds": 12.0}
    job = head_to_head.Job("final", "plain Keras", 15.0, 0.007, 0.1, 0)
    row = head_to_head.run(job, {speed["key"]: speed}, 1, given, tmp_path)
    steps = (15 * 60 - 12) * 10
    rate_and_seed = ("--learning_rate=0.007", "--temperature=0.1", "--seed=0")
    assert seen[2:] == [("plain Keras", steps, 1, "--looks=2", *rate_and_seed)]
    assert row["curve"] == [
        {"minutes": pytest.approx(7.6), "step": steps // 2, "knn": 0.4},
        {"minutes": pytest.approx(15.0), "step": steps, "knn": 0.5},
    ]
    assert {"commit", "machine", "cpu_flags", "test"} <= set(row)
    table = head_to_head.results([speed, row]).splitlines()
    assert table[2:] == ["| plain Keras | 15.0 | 8880 | 0.007 | 0.1 | 0 | 60.0 | 50.0 | 60.0 | 50.0 |"]


def test_nothing_runs_before_speeds_are_known(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["head_to_head.py", f"--results={tmp_path}/rows.jsonl", "--methods", "plain Keras"]
    )
    monkeypatch.setattr(head_to_head, "write_data", lambda dataset, data: None)
    with pytest.raises(SystemExit, match=r"the speed of plain Keras is not known; measure it first by --speeds\."):
        head_to_head.main()


def test_looks_are_judged_by_labels(tmp_path, data):
    labels = {name: np.load(data / f"{name}_labels.npy") for name in ("train", "held_out", "test")}
    one_hot = {name: np.eye(10, dtype=np.float16)[labels[name]] for name in labels}
    np.savez(tmp_path / "look_0.npz", train=one_hot["train"][:300], held_out=one_hot["held_out"][::-1])
    np.savez(tmp_path / "look_1.npz", **one_hot)
    judged = head_to_head.judge([tmp_path / "look_0.npz", tmp_path / "look_1.npz"], data, test=True)
    assert judged["curve"] == [0.0, 1.0]  # in the first, embeddings of another class
    assert judged["held_out"] == judged["test"] == {"knn": 1.0, "linear": 1.0}
