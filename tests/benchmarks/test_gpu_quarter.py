"""The script of twelve minutes on a GPU: equal time for all arms, the best again for longer, rows as they come."""

import argparse
import json

from benchmark_scripts import script

quarter = script("gpu_quarter")


def record_of(job, flags, linear):
    accuracies = {"knn": 0.5, "linear": linear}
    return {
        **{"arm": job.arm, "coupling": job.coupling, "length": job.length, "steps": job.steps, "flags": flags},
        **{"train_seconds": 1.0, "seconds": 2.0, "knn_curve": [], "finished": "now"},
        **{"commit": "c", "versions": {}, "machine": "m", "cpu_flags": []},
        **{"test": accuracies, "validation": accuracies},
    }


def test_every_arm_has_the_same_time_and_the_best_on_held_out_images_goes_on(tmp_path, monkeypatch):
    speeds, held_out = iter((100.0, 80.0)), iter((0.5, 0.6, 0.7, 0.65, 0.8))
    monkeypatch.setattr(quarter, "steps_per_second", lambda flags, steps, batch: next(speeds))
    seen = []

    def run_job(job, flags, root, cores):
        seen.append((job.arm, job.coupling, job.steps, flags[-2:]))
        return record_of(job, flags, next(held_out))

    monkeypatch.setattr(quarter, "run_job", run_job)
    file = tmp_path / "rows.json"
    given = argparse.Namespace(seconds=45.0, long_seconds=200.0, data_dir=None, json=str(file))
    rows = quarter.measure(tmp_path, quarter.FULL, given)
    steps = [(arm, coupling, count) for arm, coupling, count, _ in seen]
    simclr, ours = quarter.ARMS
    assert steps == [(simclr, 1, 4500), (simclr, 0, 4500), (ours, 1, 3600), (ours, 0, 3600), (ours, 1, 16_000)]
    assert seen[-1][-1] == ["--coupling=1", "--train_steps=16000"]
    assert json.loads(file.read_text()) == rows
    assert [row["linear"] for row in rows] == [50.0, 60.0, 70.0, 65.0, 80.0]
    assert rows[-1]["length"] == "longer"
