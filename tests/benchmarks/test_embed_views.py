"""The comparison of embeddings of several views: what a row holds, and the table of the page."""

import json
import sys

import pytest
from benchmark_scripts import script

embed_views = script("embed_views")


def test_the_cost_of_an_image_is_the_median_of_turns(monkeypatch):
    seen, seconds = [], iter([1.0, 9.0, 3.0, 5.0, 2.0, 7.0])

    def inference(encoder, shape, count):
        return lambda images: seen.append((encoder, shape, count, images.shape))

    def timed(work):
        work()
        return None, next(seconds)

    monkeypatch.setattr("aag_tf.evaluation.inference", inference)
    monkeypatch.setattr(embed_views, "timed", timed)
    monkeypatch.setattr(embed_views, "ROUNDS", 3)
    cost = embed_views.milliseconds("encoder", (8, 6, 3), [1, 5])
    assert seen == 4 * [("encoder", (8, 6, 3), count, (256, 8, 6, 3)) for count in (1, 5)]
    assert cost == {1: 1000 * 2.0 / 256, 5: 1000 * 7.0 / 256}


def test_rows_replace_earlier_ones_and_make_the_table_of_a_page(tmp_path, monkeypatch):
    def measure(run_dir, counts, *, test):
        accuracies = {"validation": {"linear": 0.7, "knn": 0.6}}
        if test:
            accuracies["test"] = {"linear": 0.71, "knn": 0.61}
        return [{"key": f"a/{count}", "run": "a", "views": count, "ms": 0.25 * count, **accuracies} for count in counts]

    monkeypatch.setattr(embed_views, "measure", measure)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["embed_views.py", f"--rows={tmp_path}/rows.jsonl", *arguments])
        embed_views.main()

    run("--run_dir=runs/a", "--views", "1", "5")
    run("--run_dir=runs/a", "--views", "5", "--test")
    page = tmp_path / "page.md"
    page.write_text("Above.\n<!-- embed_views -->\n<!-- /embed_views -->\nBelow.\n")
    run(f"--report={page}")
    assert page.read_text().splitlines()[4:-2] == [
        "| a | 1 | 70.0 | 60.0 | – | – | 0.25 |",
        "| a | 5 | 70.0 | 60.0 | 71.0 | 61.0 | 1.25 |",
    ]
    assert [json.loads(line)["key"] for line in (tmp_path / "rows.jsonl").read_text().splitlines()][-1] == "a/5"


def test_it_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["embed_views.py"])
    with pytest.raises(SystemExit):
        embed_views.arguments()
    assert "give --run_dir, the run to measure, or --report." in capsys.readouterr().err
