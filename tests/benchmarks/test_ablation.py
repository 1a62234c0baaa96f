"""What the ablation study plans, keeps and concludes, without running it."""

import dataclasses
import json
import time
import types

import numpy as np
import pytest
from benchmark_scripts import script

from aag_tf import flags
from aag_tf.config import TrainConfig

methods = script("ablation_methods")
plan = script("ablation_plan")
study = script("ablation")
runs = script("ablation_run")
files = script("ablation_files")
statistics = script("ablation_statistics")
tables = script("ablation_tables")
report = script("ablation_report")
pictures = script("ablation_pictures")

STUDY = plan.Study(views=60_000, tune_views=12_000, trials=3, seeds=(0, 1), more_seeds=(2,), batches=(64, 256))


def record(job, linear=0.5, **fields):
    found = {"knn": linear - 0.05, "linear": linear}
    return {
        "key": job.key,
        "stage": job.stage,
        "method": job.method,
        "batch": job.batch,
        "seed": job.seed,
        **({"trial": job.trial} if job.trial is not None else {}),
        **({"variant": job.variant} if job.variant else {}),
        "validation": found,
        **({"test": {"knn": linear - 0.06, "linear": linear - 0.01}} if job.uses_test else {}),
        "knn_curve": [[20_000, linear - 0.2], [40_000, linear - 0.1], [60_000, linear - 0.05]],
        "curves": {
            name: [1.0, 0.5] for name in ("views", "loss", "gradient_norm", "positive_pull", "positive_pull_std")
        },
        "peak_mib": 900.0,
        "machine": "a machine",
        "study": {"dataset": "d", "views": 60_000, "tune_views": 12_000, "trials": 3, "common": []},
        **fields,
    }


def run_all(study, score=lambda job: 0.5, stages=plan.STAGES):
    """Results as the driver would leave them, in order, and the order itself."""
    records, order = {}, []
    while jobs := plan.pending(study, records, stages):
        records[jobs[0].key] = record(jobs[0], score(jobs[0]))
        order.append(jobs[0])
    return records, order


def parsed(arguments):
    return flags.parse(["aag-train", *arguments], TrainConfig, usage="")


def test_every_method_is_tuned_with_the_same_trials_and_finished_with_the_same_seeds():
    _, order = run_all(STUDY)
    for batch in STUDY.batches:
        for method in methods.METHODS:
            own = [job for job in order if job.method == method and job.batch == batch]
            assert [job.trial for job in own if job.stage == "tune"] == [0, 1, 2]
            more = [2] * (batch == 64 and method in (methods.SIMCLR, *methods.AAG))
            assert [job.seed for job in own if job.stage == "compute"] == [0, 1, *more]
            second = batch == 64 or method == methods.SIMCLR
            assert [job.seed for job in own if job.stage == "second"] == ([0, 1] if second else [])
            assert len([job for job in own if job.stage == "epochs"]) == (0 if "two views" in method else 2)
    tuned, epochs, second = 2 * 5 * (3 + 2) + 3, 2 * 3 * 2, 2 * 5 + 2
    assert len({job.key for job in order}) == len(order) == tuned + epochs + second + 2 * len(methods.AROUND)


def test_methods_with_other_settings_are_run_with_simclrs_too():
    def score(job):
        return 0.5 + 0.1 * (job.trial == (1 if job.method == "two views κ=0" else 2))

    records, order = run_all(STUDY, score)
    again = [job for job in order if job.stage == "same"]
    assert [(job.method, job.batch, job.seed) for job in again] == [("two views κ=0", 64, seed) for seed in (0, 1)]
    config = parsed(plan.job_flags(STUDY, again[0], records))
    simclr = parsed(plan.job_flags(STUDY, plan.Job("compute", methods.SIMCLR, 64, 0), records))
    assert (config.augment, config.optimizer) == (simclr.augment, simclr.optimizer)
    assert (config.loss.coupling, simclr.loss.coupling) == (0.0, 1.0)
    assert config.loss.temperature == simclr.loss.temperature


def test_no_run_starts_before_what_decides_its_settings():
    _, order = run_all(STUDY)
    position = {job.key: index for index, job in enumerate(order)}
    for job in order:
        if job.stage != "tune":
            trials = [other for other in order if other.stage == "tune" and other.method == job.method]
            assert all(position[t.key] < position[job.key] for t in trials if t.batch == job.batch)
    around = [position[job.key] for job in order if job.stage == "around"]
    finals = [job for job in order if job.stage == "compute" and job.batch == 64]
    assert min(around) > max(position[job.key] for job in finals)


def test_the_verdict_comes_before_what_chooses_defaults_and_that_before_the_rest():
    _, order = run_all(STUDY)
    position = {job.key: index for index, job in enumerate(order)}
    around = [position[job.key] for job in order if job.stage == "around"]
    for job in order:
        if job.stage in ("tune", "compute"):
            verdict = job.batch == 64 or job.method == methods.SIMCLR
            assert position[job.key] < min(around) if verdict else position[job.key] > max(around)


def test_a_trial_is_chosen_on_held_out_images_and_by_nothing_else():
    records, _ = run_all(STUDY, lambda job: 0.4 + 0.1 * (job.trial == 1), ("tune",))
    for method in methods.METHODS:
        assert plan.best_trial(STUDY, records, method, 64) == 1
    assert all("test" not in found for found in records.values())
    job = plan.Job("compute", "AAG κ=0", 256, 0)
    temperature, learning_rate, color = methods.trial_settings(3)[1]
    config = parsed(plan.job_flags(STUDY, job, records))
    assert config.loss.temperature == temperature
    assert config.optimizer.learning_rate == pytest.approx(2 * learning_rate, rel=1e-2)
    assert config.augment.color_strength == color
    del records[plan.Job("tune", "AAG κ=0", 256, plan.TUNE_SEED, trial=2).key]
    with pytest.raises(ValueError, match="waits for the trials"):
        plan.job_flags(STUDY, job, records)


def test_flags_are_those_of_aag_train_and_compute_is_equal():
    records, order = run_all(STUDY)
    for job in order:
        config = parsed(plan.job_flags(STUDY, job, records))
        assert config.augment.aux in {"none", "main", "default", "cutout", "geometric", "randaugment"}
        assert config.schedule.seed == job.seed
        spent = config.schedule.train_steps * config.schedule.global_batch_size * config.augment.num_views
        assert spent == pytest.approx(plan.encoder_views(STUDY, job), abs=job.batch * config.augment.num_views / 2)
        if job.stage == "epochs":
            assert config.schedule.train_steps == round(60_000 / (2 * job.batch))
        assert (config.data.dataset == "tfds:fashion_mnist") == (job.stage == "second")
    simclr, aag = (
        parsed(plan.job_flags(STUDY, plan.Job("compute", m, 64, 0), records)) for m in (methods.SIMCLR, "AAG κ=0")
    )
    assert (simclr.augment.num_views, simclr.loss.coupling) == (2, 1.0)
    assert (aag.augment.num_views, aag.loss.coupling) == (3, 0.0)


def test_trials_visit_each_part_of_each_range_once():
    for trials in (2, 8, 12):
        for values, (low, high) in zip(
            zip(*methods.trial_settings(trials), strict=True),
            (methods.TEMPERATURES, methods.LEARNING_RATES, methods.COLOR_STRENGTHS),
            strict=True,
        ):
            strata = np.floor(np.log(np.array(values) / low) / np.log(high / low) * trials)
            assert sorted(strata) == list(range(trials))


def test_the_winner_is_varied_one_setting_at_a_time():
    records, order = run_all(STUDY, lambda job: 0.5 + 0.1 * (job.method == "AAG κ=1"))
    assert plan.winning_aag(STUDY, records) == "AAG κ=1"
    around = [job for job in order if job.stage == "around"]
    assert {job.method for job in around} == {"AAG κ=1"}
    base = plan.job_flags(STUDY, plan.Job("compute", "AAG κ=1", 64, 0), records)
    for job in around:
        config = parsed(plan.job_flags(STUDY, job, records))
        expected = parsed([*base, *methods.AROUND[job.variant], f"--train_steps={config.schedule.train_steps}"])
        assert config.loss == expected.loss
        assert config.augment == expected.augment
        assert config.optimizer == expected.optimizer


def test_hours_are_views_at_a_speed_and_a_rest_for_each_run():
    jobs = [plan.Job("compute", "AAG κ=0", 64, seed) for seed in (0, 1)] + [plan.Job("epochs", "AAG κ=0", 64, 0)]
    hours = plan.estimated_hours(STUDY, jobs, views_per_second=100.0, seconds_per_run=30.0)
    assert hours == pytest.approx(((60_000 * 2 + 90_000) / 100 + 90) / 3600)


def test_a_torn_line_is_no_record_and_is_cut_off_by_the_next(tmp_path):
    path = tmp_path / "deep" / "results.jsonl"
    assert files.read(path) == {}
    files.append(path, {"key": "κ", "value": 1})
    with open(path, "a") as file:
        file.write('{"key": "b", "val')
    assert list(files.read(path)) == ["κ"]
    files.append(path, {"key": "c", "value": 3})
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["κ", "c"]


def test_only_one_process_works_on_results(tmp_path):
    with (
        files.exclusive(tmp_path / "r.jsonl"),
        pytest.raises(SystemExit, match="another process"),
        files.exclusive(tmp_path / "r.jsonl"),
    ):
        pass


def test_paired_difference_is_students():
    # t = 4.303 for two degrees of freedom; deviation 1, so that the error of the mean is 1 / √3.
    found = statistics.paired_difference({0: 3.0, 1: 4.0, 2: 5.0, 9: 1.0}, {0: 1.0, 1: 1.0, 2: 1.0})
    assert (found.mean, found.pairs) == (3.0, 3)
    assert found.high - found.mean == pytest.approx(4.3027 / 3**0.5, rel=1e-4)
    with pytest.raises(ValueError, match="no seed in common"):
        statistics.paired_difference({0: 1.0}, {1: 1.0})


def test_adjusted_intervals_are_dunnetts():
    # Three groups of three: s² = 1 with six degrees of freedom, two comparisons: d = 2.86 in Dunnett's table (1964).
    (low, high), other = statistics.adjusted_intervals([1.0, 2.0, 3.0], [[11.0, 12.0, 13.0], [0.0, 1.0, 2.0]])
    half = 2.86 * (2 / 3) ** 0.5
    assert (low, high) == pytest.approx((10 - half, 10 + half), rel=5e-3)
    assert other == pytest.approx((-1 - half, -1 + half), rel=5e-3)


def test_means_leave_out_what_was_not_finite():
    logged = [{"step": step, "loss": float(step)} | dict.fromkeys(runs.CURVES[1:], 1.0) for step in (1, 2, 3)]
    del logged[1]["gradient_norm"]
    curves = runs.thinned_curves(logged, views_per_step=2)
    assert curves["views"] == [2, 4, 6]
    assert curves["loss"] == [1.0, 2.0, 3.0]
    assert np.isnan(curves["gradient_norm"]).tolist() == [False, True, False]


def test_a_run_that_fails_costs_no_other_and_its_study_ends(tmp_path, monkeypatch):
    def run_job(job, flags, directory, cores):
        if job.seed == 1:
            raise SystemExit("training stopped")
        (runs.directory_of(job.key, directory) / "checkpoints").mkdir(parents=True)
        time.sleep(0.2)
        return record(job)

    jobs = [plan.Job("compute", methods.SIMCLR, 64, seed) for seed in (1, 0, 2)]
    monkeypatch.setattr(study, "run_job", run_job)
    monkeypatch.setattr(study, "job_flags", lambda *_: [])
    monkeypatch.setattr(study, "pending", lambda _, done, stages: [job for job in jobs if job.key not in done])
    given = types.SimpleNamespace(results=tmp_path / "r.jsonl", runs=tmp_path, jobs=2, hours=9, stages=[])
    with pytest.raises(SystemExit, match="training stopped"):
        study.run(STUDY, given)
    assert list(files.read(tmp_path / "r.jsonl")) == [jobs[1].key]
    assert not (runs.directory_of(jobs[1].key, tmp_path) / "checkpoints").exists()


def test_another_second_data_set_is_not_mixed_in(tmp_path):
    kept = record(plan.Job("second", methods.SIMCLR, 64, 0))
    kept |= {"flags": [f"--dataset={STUDY.second}"], "study": study.fingerprint(STUDY)}
    study.check_same_study(STUDY, {kept["key"]: kept}, tmp_path)
    with pytest.raises(SystemExit, match="on another data set than --second=tfds:svhn"):
        study.check_same_study(dataclasses.replace(STUDY, second="tfds:svhn"), {kept["key"]: kept}, tmp_path)


def test_report_has_methods_with_simclrs_settings():
    jobs = [
        plan.Job(stage, m, 64, seed)
        for stage, m in (("compute", methods.SIMCLR), ("same", "two views κ=0"))
        for seed in (0, 1)
    ]
    table = tables.same_table([record(job, 0.5 + 0.03 * (job.stage == "same")) for job in jobs])
    assert "| two views κ=0, batch 64 | 52.0 ± 0.0 / 47.0 ± 0.0 | +3.00 [+3.00, +3.00] (2) | +3.00" in table
    assert tables.same_table([record(job) for job in jobs[:2]]) is None


def test_views_to_reach():
    curve = [[10, 0.2], [20, 0.4], [30, 0.3], [40, 0.6]]
    assert statistics.views_to_reach(curve, 0.3) == pytest.approx(15)
    assert statistics.views_to_reach(curve, 0.5) == pytest.approx(30 + 10 * 2 / 3)
    assert statistics.views_to_reach(curve, 0.1) == 10
    assert statistics.views_to_reach(curve, 0.7) is None


def test_the_mean_of_curves():
    assert statistics.mean_curve([]) == []
    mean = statistics.mean_curve([[[10, 0.2], [20, 0.4]], [[10, 0.4], [30, 0.8]]])
    assert mean == [(10, pytest.approx(0.3)), (20, pytest.approx(0.5))]


def test_report_says_how_soon_a_method_is_where_simclr_ends():
    jobs = [plan.Job("compute", method, 64, seed) for method in methods.METHODS for seed in (0, 1)]
    scores = {methods.SIMCLR: 0.5, "AAG κ=0": 0.55, "two views κ=0": 0.45}
    found = [record(job, scores.get(job.method, 0.5)) for job in jobs]
    rows = {line.split(" | ")[0][2:]: line for line in tables.speed_table(found).splitlines()}
    # SimCLR ends at 45 %; AAG passes 45 % at 40 000 of 60 000 views and ends at 50 %.
    assert rows["AAG κ=0"].endswith("| 67 % [67 %, 67 %] (ends +5.0) |")
    assert rows["two views κ=0"].endswith("| never [never, never] (ends -5.0) |")
    assert rows[methods.SIMCLR].endswith("| 100 % [100 %, 100 %] (ends +0.0) |")


def test_the_share_of_views_has_an_interval_over_seeds():
    ends_high, ends_low = [[0, 0.0], [100, 0.8]], [[0, 0.0], [100, 0.3]]
    simclr = {seed: [[0, 0.0], [100, 0.4]] for seed in (0, 1, 2)}
    share, low, high = statistics.share_to_reach({0: ends_high, 1: ends_high, 2: ends_low}, simclr)
    assert share == pytest.approx(0.4 / (1.9 / 3))
    assert low == pytest.approx(0.5)  # of draws of the higher seeds only
    assert high == float("inf")  # of draws of the lower one only: 1 in 27
    assert statistics.share_to_reach({7: ends_high, 0: ends_high}, simclr) == (0.5, 0.5, 0.5)  # seed 7 has no partner


def test_report_compares_with_simclr_at_its_best_batch():
    def score(job):
        return (
            0.5
            + 0.02 * (job.method == "AAG κ=0")
            + 0.01 * (job.batch == 256)
            + 0.001 * job.seed * (job.stage != "tune")
        )

    records, _ = run_all(STUDY, score)
    text = report.report(list(records.values()))
    assert tables.best_batch(list(records.values()), "compute", methods.SIMCLR) == 256
    # 0.52 against 0.51 at batch 256, in percent, on the two seeds that both have.
    assert "| AAG κ=0, batch 64 | +1.00 [+1.00, +1.00] (2)" in text
    assert "| SimCLR, two views κ=1, batch 64 | -1.00 [-1.00, -1.00] (2)" in text
    for title in ("equal encoder views", "equal epochs", "Variations", "second data set", "Tuned", "Memory"):
        assert title in text


def test_pictures_are_drawn_of_what_has_ended(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra bench")
    records, _ = run_all(STUDY)
    drawn = pictures.draw(list(records.values()), tmp_path)
    assert sorted(drawn) == sorted(path.name for path in tmp_path.glob("*.png"))
    assert len(drawn) == 4


def test_pictures_of_a_study_that_is_half_done_leave_out_what_is_missing(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra bench")
    jobs = [plan.Job("compute", methods.SIMCLR, batch, 0) for batch in (64, 256)]
    records = [record(job) for job in [*jobs, plan.Job("compute", "AAG κ=0", 64, 0)]]
    assert len(pictures.draw(records, tmp_path)) == 4
    rows = tables.memory_table(records).splitlines()
    assert "| SimCLR, two views κ=1 | 900 | 900 |" in rows
    assert "| AAG κ=0 | 900 | – |" in rows


def test_memory_is_the_median_over_seeds():
    peaks = {0: 900, 1: 2000, 2: 1000}
    found = [record(plan.Job("compute", "AAG κ=0", 64, seed)) | {"peak_mib": peak} for seed, peak in peaks.items()]
    assert statistics.peak_memory(found, "AAG κ=0", 64) == 1000
    assert statistics.peak_memory(found, "AAG κ=1", 64) is None


def test_report_is_replaced_between_its_markers():
    first = report.replace_between("# Results\n\nBefore.\n", "one")
    second = report.replace_between(first + "\nAfter.\n", "two")
    assert "one" not in second
    assert second.index("Before.") < second.index("two") < second.index("After.")


def test_a_report_of_a_study_that_has_just_begun():
    records, _ = run_all(STUDY, stages=("tune",))
    text = report.report(list(records.values())[:4])
    assert "| SimCLR, two views κ=1 | – |" in text
    assert "equal encoder views" not in text
