"""The tables of the study of fine-tuning: differences are paired by draw."""

import pytest
from benchmark_scripts import script

pytest.importorskip("scipy")
finetune = script("finetune")


def row(draw, fine_tuned, probe, scratch=None, percent=1.0):
    found = {"dataset": "tfds:cifar10", "percent": percent, "draw": draw, "train": 400, "held_out": 100}
    found |= {"fine_tuned": fine_tuned, "probe": probe}
    found |= {} if scratch is None else {"scratch": scratch}
    return found | {
        "fine_tuned_calibration_error_before": 0.2,
        "fine_tuned_calibration_error_after": 0.02,
        "probe_calibration_error_before": 0.1,
        "probe_calibration_error_after": 0.03,
    }


def trial(start, rate, steps_done):
    found = {"start": start, "learning_rate": rate, "steps_done": steps_done}
    return found | {"best_step": 25, "accuracy": 0.5, "diverged": False}


def test_differences_are_paired_by_draw():
    rows = [row(0, 0.50, 0.45, 0.30), row(1, 0.60, 0.53, 0.42), row(0, 0.7, 0.6, percent=10.0)]
    first, second = finetune.accuracy_table(rows).splitlines()[2:]
    # 5 and 7 points: mean 6, deviation 1.41, t of one degree of freedom 12.7
    assert first == (
        "| tfds:cifar10 | 1 %, 500 | 2 | 55.0 ± 7.1 | 49.0 ± 5.7 | 36.0 ± 8.5 | +6.0 [-6.7, +18.7] | "
        "+19.0 [+6.3, +31.7] |"
    )
    assert second == "| tfds:cifar10 | 10 %, 500 | 1 | 70.0 | 60.0 | – | +10.0 | – |"


def test_calibration_is_shown_before_and_after():
    lines = finetune.calibration_table([row(0, 0.5, 0.4), row(1, 0.5, 0.4)]).splitlines()
    heads = ["fine-tuned, as trained", "fine-tuned, scaled", "linear probe, as trained", "linear probe, scaled"]
    assert lines[0] == f"| data set | labels | {' | '.join(heads)} |"
    assert lines[2] == "| tfds:cifar10 | 1 % | 20.0 ± 0.0 | 2.0 ± 0.0 | 10.0 ± 0.0 | 3.0 ± 0.0 |"


def test_a_row_keeps_what_the_tables_need():
    measures = [{"name": "accuracy", "value": 0.5}, {"name": "accuracy_balanced", "value": 0.4}]
    state = {"error": {"value": 0.1}}
    result = {
        "results": [{"features": name, "measures": measures} for name in finetune.NAMES],
        "calibration": {"fine-tuned": {"before": state, "after": state}},
        "chosen": {"learning_rate": 0.001, "best_step": 40, "steps": 500},
        "data": {"train": 4, "held_out": 2, "reported": 9, "refit": True},
        "trials": [trial("encoder", 0.001, 500) | {"seconds": 1.26}, trial("random", 0.001, 325) | {"seconds": 2.0}],
    }
    kept = finetune.row_of(result)
    assert (kept["fine_tuned"], kept["scratch_balanced"], kept["fine_tuned_calibration_error_after"]) == (0.5, 0.4, 0.1)
    assert (kept["train"], kept["best_step"], kept["seconds"]) == (4, 40, 3.3)
    assert kept["trials"] == [trial("encoder", 0.001, 500), trial("random", 0.001, 325)]


def test_steps_are_counted_by_where_trainings_began():
    first = row(0, 0.5, 0.4) | {"best_step": 0, "learning_rate": 0.001}
    first["trials"] = [trial("encoder", rate, 200) for rate in (0.001, 0.01)] + [trial("random", 0.001, 500)]
    second = row(1, 0.5, 0.4) | {"best_step": 50, "learning_rate": 0.01}
    second["trials"] = [trial("encoder", rate, 500) for rate in (0.001, 0.01)] + [trial("random", 0.001, 501)]
    without = second | {"draw": 2, "trials": second["trials"][:2]}
    lines = finetune.steps_table([first, second, without]).splitlines()
    assert "| probe kept | 0.001 chosen | 0.01 chosen | steps from the encoder |" in lines[0]
    assert lines[2] == "| tfds:cifar10 | 1 % | 3 | 1 | 0 | 2 | 800 | 500 |"


def test_rows_that_are_there_are_not_done_again_and_tables_go_into_a_page(tmp_path, monkeypatch, capsys):
    asked = []

    def run(given, percent, draw, extra):
        asked.append((percent, draw))
        found = row(draw, 0.5, 0.4, percent=percent) | {"best_step": 25, "learning_rate": 0.001}
        return found | {"trials": [trial("encoder", 0.001, 500)]}

    monkeypatch.setattr(finetune, "run", run)
    file = tmp_path / "rows.jsonl"
    for draws in (1, 2):
        argv = ["finetune.py", "--init_from=a", f"--rows={file}", f"--draws={draws}", "--percents", "10", "1"]
        monkeypatch.setattr("sys.argv", argv)
        finetune.main()
    assert asked == [(10.0, 0), (1.0, 0), (10.0, 1), (1.0, 1)]
    assert [(kept["percent"], kept["draw"]) for kept in finetune.read_rows(file)] == sorted(asked)
    assert "+10.0" in capsys.readouterr().out
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- rows_{name} -->\nold\n<!-- /rows_{name} -->\n" for name in finetune.TABLES))
    monkeypatch.setattr("sys.argv", ["finetune.py", f"--rows={file}", f"--report={page}"])
    finetune.main()
    assert finetune.accuracy_table(finetune.read_rows(file)) in page.read_text()
    assert "old" not in page.read_text()
