"""The comparison at equal time: steps from the speed, one run an arm and seed, differences from the recipe."""

import argparse
import json

from benchmark_scripts import script

equal_time = script("equal_time")


def test_the_speed_is_that_of_the_second_half(tmp_path, monkeypatch):
    def train(flags, run_dir, environment):
        assert flags == ["--a", "--train_steps=100"]
        run_dir.mkdir()
        lines = [{"step": step, "images_per_second": 64.0 * step} for step in range(10, 101, 10)]
        lines.append({"step": 100, "knn_accuracy": 0.5})
        (run_dir / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    monkeypatch.setattr(equal_time, "train", train)
    assert equal_time.steps_per_second(tmp_path, ["--a"], 100, 64) == 80.0


def row(arm, seed, linear):
    accuracies = {"linear": linear, "knn": linear - 0.1}
    return {"arm": arm, "seed": seed, "steps": 100, "train_seconds": 30.2, "validation": accuracies}


def test_differences_are_paired_by_seed():
    rows = [row("recipe", 0, 0.5), row("recipe", 1, 0.6), row("muon, 0.01", 0, 0.52), row("muon, 0.01", 1, 0.64)]
    rows.append(row("DCLW", 2, 0.4))
    recipe, muon, dclw = equal_time.results(rows).splitlines()[2:]
    assert recipe == "| recipe | 2 | 100 | 30 | 55.0 ± 7.1 | – | 45.0 ± 7.1 | – |"
    # 2 and 4 points: mean 3, deviation 1.41, t of one degree of freedom 12.7
    difference = "+3.0 [-9.7, +15.7]"
    assert muon == f"| muon, 0.01 | 2 | 100 | 30 | 58.0 ± 8.5 | {difference} | 48.0 ± 8.5 | {difference} |"
    assert dclw == "| DCLW | 1 | 100 | 30 | 40.0 | – | 30.0 | – |"


def test_an_arm_trains_for_the_seconds_and_adds_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(equal_time, "steps_per_second", lambda *_: 12.0)
    seen = []

    def run_job(job, flags, root, cores):
        seen.append((job.key, flags[1:]))
        return row(job.arm, job.seed, 0.5) | {"steps": job.steps}

    monkeypatch.setattr(equal_time, "run_job", run_job)
    given = argparse.Namespace(seconds=10.0, data_dir=None, rows=tmp_path / "rows.jsonl")
    equal_time.run_arm("muon, 0.02", [0, 3], given, tmp_path)
    arm = ["--optimizer=muon", "--learning_rate=0.02"]
    assert seen == [(f"muon, 0.02/seed{seed}", [*arm, f"--seed={seed}", "--train_steps=120"]) for seed in (0, 3)]
    lines = [json.loads(line) for line in given.rows.read_text().splitlines()]
    assert [(line["seed"], line["steps"], line["seconds_wanted"]) for line in lines] == [(0, 120, 10.0), (3, 120, 10.0)]
