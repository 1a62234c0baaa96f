"""What the comparison of couplings reads out of run directories."""

import json
import math

import numpy as np
import pytest
from benchmark_scripts import script

coupling = script("coupling")


def make_run(path, kappa, *, pull, norms, accuracy, temperature=0.2):
    path.mkdir()
    (path / "run.json").write_text(json.dumps({"flags": {"coupling": kappa, "temperature": temperature}}))
    with open(path / "metrics.jsonl", "w") as file:
        for index, norm in enumerate(norms):
            figures = {"positive_pull": pull, "positive_pull_std": 0.1 * kappa, "effective_negatives": 50.0}
            file.write(json.dumps({"step": 10 * index + 10, "loss": 3.0, "gradient_norm": norm, **figures}) + "\n")
        for step in (500, 10 * len(norms)):
            file.write(json.dumps({"step": step, "knn_accuracy": accuracy}) + "\n")
    return path


@pytest.fixture
def runs(tmp_path):
    steady, shaky = [2.0] * 100, [2.0, 8.0] * 50
    return [
        coupling.read_run(make_run(tmp_path / f"{kappa}{seed}", kappa, pull=pull, norms=norms, accuracy=accuracy))
        for kappa, seed, pull, norms, accuracy in (
            (0.0, 0, 1.0, steady, 0.5),
            (0.0, 1, 1.0, steady, 0.54),
            (1.0, 0, 0.8, shaky, 0.4),
        )
    ]


def test_rows_describe_the_second_half_by_coupling(runs):
    decoupled, coupled = coupling.rows(runs)
    assert (decoupled["κ"], decoupled["seeds"], coupled["seeds"]) == (0.0, 2, 1)
    assert (decoupled["positive pull"], coupled["positive pull"]) == (pytest.approx(1.0), pytest.approx(0.8))
    assert (decoupled["kNN"], decoupled["kNN range"]) == (pytest.approx(0.52), pytest.approx(0.04))
    assert decoupled["gradient noise"] == pytest.approx(0.0, abs=1e-9)
    # Half a log of four, about a running mean over as many low as high ones.
    assert coupled["gradient noise"] == pytest.approx(math.log(4.0) / 2, rel=0.05)
    assert coupled["gradient norm"] == pytest.approx(4.0)
    assert coupled["largest / median"] == pytest.approx(8.0 / 5.0)


def test_a_running_mean_leaves_constants_and_lines_alone():
    assert coupling.running_mean(np.full(50, 3.0)) == pytest.approx(np.full(50, 3.0))
    line = coupling.running_mean(np.arange(101.0))
    assert np.diff(line[20:80]) == pytest.approx(np.ones(59))


def test_runs_are_compared_up_to_the_last_step_of_the_shortest(tmp_path):
    long = make_run(tmp_path / "long", 0.0, pull=1.0, norms=[1.0] * 80, accuracy=0.5)
    short = make_run(tmp_path / "short", 1.0, pull=1.0, norms=[1.0] * 60, accuracy=0.5)
    for run in coupling.cut([coupling.read_run(long), coupling.read_run(short)]):
        assert run.series["loss"][0][-1] == 600
        assert run.series["knn_accuracy"][0].max() <= 600


def test_temperatures_are_kept_apart_the_largest_first(tmp_path):
    figures = {"pull": 1.0, "norms": [1.0] * 60, "accuracy": 0.5}
    made = [make_run(tmp_path / str(tau), 0.0, temperature=tau, **figures) for tau in (0.07, 0.2)]
    assert [row["τ"] for row in coupling.rows([coupling.read_run(run) for run in made])] == [0.2, 0.07]


def test_a_picture_is_drawn(runs, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra bench")
    coupling.draw(runs, tmp_path / "coupling.png")
    assert (tmp_path / "coupling.png").read_bytes().startswith(b"\x89PNG")
