"""The hours of a recipe's curve: of steps and monitor, whatever the order of the records."""

import json

import pytest
from benchmark_scripts import script

recipe_curve = script("recipe_curve")


def test_hours_count_steps_and_monitor_and_nothing_between_sittings(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"flags": {"global_batch_size": 36}, "image_shape": [8, 8, 1]}))
    records = [
        {"step": 100, "images_per_second": 1.0},  # 3 600 images
        {"step": 100, "knn_accuracy": 0.25, "linear_accuracy": 0.5, "monitor_seconds": 360},
        {"step": 200, "images_per_second": 2.0},
        {"step": 250, "knn_accuracy": 0.5, "monitor_seconds": 720},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    first, last = recipe_curve.curve(tmp_path)
    assert first == {"step": 100, "hours": pytest.approx(1.1), "knn_accuracy": 0.25, "linear_accuracy": 0.5}
    assert last == {"step": 250, "hours": pytest.approx(1.8), "knn_accuracy": 0.5}


def test_hours_count_what_was_traced_and_compiled():
    records = [
        {"step": 100, "images_per_second": 1.0, "first_step_seconds": 30.0},
        {"step": 200, "images_per_second": 2.0},
    ]
    assert script("ablation_run").step_seconds(records, 36) == 30.0 + 3600.0 + 1800.0


def test_the_last_point_is_always_printed():
    points = [{"step": step} for step in range(1, 12)]
    assert [point["step"] for point in recipe_curve.thinned(points, 4)] == [2, 5, 8, 11]
    assert recipe_curve.thinned(points, 20) == points
