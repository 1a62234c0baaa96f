"""The comparison at equal time: steps from the speed, one run an arm and seed, differences from the recipe."""

import json

import pytest
from benchmark_scripts import script

equal_time, directory_of = script("equal_time"), script("ablation_run").directory_of


def test_the_speed_is_that_of_the_second_half(monkeypatch):
    def train(flags, run_dir, environment):
        assert flags == ["--a", "--train_steps=100"]
        run_dir.mkdir()
        lines = [{"step": step, "images_per_second": 64.0 * step} for step in range(10, 101, 10)]
        lines.append({"step": 100, "knn_accuracy": 0.5})
        (run_dir / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    monkeypatch.setattr(equal_time, "train", train)
    assert equal_time.steps_per_second(["--a"], 100, 64) == 80.0


def test_speeds_are_measured_in_turns_and_by_their_median(monkeypatch):
    seen = []

    def steps_per_second(flags, steps, batch):
        seen.append((flags, batch))
        return float(len(seen))

    monkeypatch.setattr(equal_time, "steps_per_second", steps_per_second)
    arms = ["recipe", "batch 128, 0.005"]
    speeds = equal_time.measure_speeds(arms, ["--a"])
    assert seen == 2 * [(["--a"], 64), (["--a", "--global_batch_size=128", "--learning_rate=0.005"], 128)]
    assert speeds["recipe"] == {"steps_per_second": 2.0, "all": [1.0, 3.0]}
    assert speeds["batch 128, 0.005"] == {"steps_per_second": 3.0, "all": [2.0, 4.0]}


def row(arm, seed, linear, seconds=10.0):
    accuracies = {"linear": linear, "knn": linear - 0.1}
    return {"arm": arm, "seed": seed, "seconds_wanted": seconds, "steps": 100, "validation": accuracies}


def test_differences_are_paired_by_seed_among_runs_of_the_same_seconds():
    rows = [row("recipe", 0, 0.5), row("recipe", 1, 0.6), row("muon, 0.01", 0, 0.52), row("muon, 0.01", 1, 0.64)]
    rows += [row("DCLW", 2, 0.4), row("recipe", 0, 0.9, seconds=20.0)]
    recipe, muon, dclw, longer = equal_time.results(rows).splitlines()[2:]
    assert recipe == "| recipe | 10 | 2 | 100 | 55.0 ± 7.1 | – | 45.0 ± 7.1 | – |"
    # 2 and 4 points: mean 3, deviation 1.41, t of one degree of freedom 12.7
    difference = "+3.0 [-9.7, +15.7]"
    assert muon == f"| muon, 0.01 | 10 | 2 | 100 | 58.0 ± 8.5 | {difference} | 48.0 ± 8.5 | {difference} |"
    assert dclw == "| DCLW | 10 | 1 | 100 | 40.0 | – | 30.0 | – |"
    assert longer == "| recipe | 20 | 1 | 100 | 90.0 | – | 80.0 | – |"


@pytest.fixture
def files(tmp_path):
    """Arguments that keep all files in `tmp_path`, and the speeds of two arms."""
    speeds = {"recipe": {"steps_per_second": 10.0}, "muon, 0.01": {"steps_per_second": 12.0}}
    (tmp_path / "speeds.json").write_text(json.dumps(speeds))
    return [f"--speeds_file={tmp_path}/speeds.json", f"--results={tmp_path}/rows.jsonl", f"--runs={tmp_path}/runs"]


def call(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["equal_time.py", *arguments])
    equal_time.main()


def test_an_arm_trains_for_the_seconds_and_adds_its_rows_once(tmp_path, monkeypatch, files, capsys):
    seen = []

    def run_job(job, flags, root, cores, trainer):
        assert flags[: len(equal_time.COMMON) + 1] == [*equal_time.COMMON, "--dataset=tfds:cifar10"]
        assert trainer == equal_time.TRAIN
        seen.append((job.key, flags[len(equal_time.COMMON) + 1 :]))
        (directory_of(job.key, root) / "checkpoints").mkdir(parents=True)
        return row(job.arm, job.seed, 0.5) | {"key": job.key, "steps": int(flags[-1].partition("=")[2])}

    monkeypatch.setattr(equal_time, "run_job", run_job)
    for _ in range(2):
        call(monkeypatch, "--arms", "muon, 0.02", "--seeds", "0", "3", "--seconds=10", *files)
    arm = ["--optimizer=muon", "--learning_rate=0.02"]
    assert seen == [(f"muon, 0.02/10 s/seed{seed}", [*arm, f"--seed={seed}", "--train_steps=120"]) for seed in (0, 3)]
    assert "| muon, 0.02 | 10 | 2 | 120 | 50.0 ± 0.0 |" in capsys.readouterr().out


def test_an_arm_with_a_role_has_a_trainer_of_its_own():
    file, role = equal_time.trainer_of("muon, 0.02, 4 auxiliary views of 16 px, role student")
    assert (file.rpartition("/")[2], role) == ("asymmetric_train.py", "--role=student")


def test_an_arm_whose_speed_is_not_known_is_refused(monkeypatch, files):
    with pytest.raises(SystemExit, match=r"the speed of width 2 is not known; measure it first by --speeds"):
        call(monkeypatch, "--arms", "width 2", "DCLW", *files)


def test_an_arm_that_is_as_fast_as_another_names_one_that_is_measured():
    arms = script("equal_time_arms").ARMS
    assert all(arms[arm.as_fast_as].as_fast_as is None for arm in arms.values() if arm.as_fast_as is not None)
