"""The comparison of packages over minutes: the loop that all share, how each is tuned, what is written."""

import argparse
import json

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
    assert 0 < found["start_seconds"] < found["looks"][0]["seconds"] < found["looks"][1]["seconds"]
    first, last = (np.load(tmp_path / f"look_{look}.npz") for look in range(2))
    assert {name: len(first[name]) for name in first.files} == {"train": 600, "held_out": 40}
    assert {name: len(last[name]) for name in last.files} == {"train": 700, "held_out": 40, "test": 30}
    assert last["train"][255] == 255


def bench_of(tmp_path, data, monkeypatch, best):
    """A bench whose trainings are fakes: held-out accuracy is highest at `best`, the rate and the temperature."""
    given = argparse.Namespace(tune_minutes=1.0, looks=2, results=tmp_path / "rows.jsonl", peers_python="python")
    bench, commands = head_to_head.Bench(given, data), []

    def measured(method, steps, *flags):
        commands.append((method, steps, *(flag for flag in flags if not flag.startswith("--output"))))
        looks = [{"step": steps, "seconds": 66.0, "file": "look_0.npz"}]
        return {"looks": looks, "steps_per_second": 10.0, "start_seconds": 12.0}

    def judged(files, *, test):
        near = [float(flag.partition("=")[2]) == value for flag, value in zip(commands[-1][3:5], best, strict=True)]
        accuracy = {"knn": 0.5, "linear": 0.4 + 0.1 * sum(near)}
        return {"curve": [0.5], "held_out": accuracy, **({"test": accuracy} if test else {})}

    monkeypatch.setattr(bench, "_work", measured)
    monkeypatch.setattr(bench, "_judged", judged)
    return bench, commands


def test_every_method_is_tuned_by_held_out_images_and_then_runs_for_the_minutes(tmp_path, data, monkeypatch):
    bench, commands = bench_of(tmp_path, data, monkeypatch, best=(0.007, 0.1))
    row = bench.final("plain Keras", 15.0, seed=0)
    assert (row["learning_rate"], row["temperature"], row["steps"]) == (0.007, 0.1, (15 * 60 - 12) * 10)
    assert row["curve"] == [{"minutes": 1.1, "step": row["steps"], "knn": 0.5}]
    trials = [(0.00175, 0.17), (0.0035, 0.17), (0.007, 0.17), (0.007, 0.1), (0.007, 0.25)]
    speed, tuning, final = commands[:2], commands[2:-1], commands[-1]
    assert speed == 2 * [("plain Keras", head_to_head.TRIAL_STEPS)]
    tried = [("--looks=1", f"--learning_rate={rate}", f"--temperature={each}", "--seed=1000") for rate, each in trials]
    assert tuning == [("plain Keras", 480, *flags) for flags in tried]
    assert final[2:] == ("--looks=2", "--learning_rate=0.007", "--temperature=0.1", "--seed=0")

    bench.final("plain Keras", 15.0, seed=0)
    assert len(commands) == 8  # nothing is measured twice
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [each["key"].partition("/")[0] for each in rows] == ["speed", *5 * ["tune"], "final"]
    assert all({"commit", "machine", "cpu_flags"} <= set(each) for each in rows)
    table = head_to_head.results(rows).splitlines()
    assert table[2:] == ["| plain Keras | 1.1 | 8880 | 0.007 | 0.1 | 0 | 60.0 | 50.0 | 60.0 | 50.0 |"]


def test_looks_are_judged_by_labels(tmp_path, data):
    given = argparse.Namespace(results=tmp_path / "rows.jsonl")
    bench = head_to_head.Bench(given, data)
    one_hot = {name: np.eye(10, dtype=np.float16)[bench.labels[name]] for name in bench.labels}
    np.savez(tmp_path / "look_0.npz", train=one_hot["train"][:300], held_out=one_hot["held_out"][::-1])
    np.savez(tmp_path / "look_1.npz", **one_hot)
    judged = bench._judged([tmp_path / "look_0.npz", tmp_path / "look_1.npz"], test=True)
    assert judged["curve"] == [0.0, 1.0]  # in the first, embeddings of another class
    assert judged["held_out"] == judged["test"] == {"knn": 1.0, "linear": 1.0}
