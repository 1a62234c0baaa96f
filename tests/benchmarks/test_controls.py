"""What the controls plan and decide, without running them, and that an arm draws the views it says."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from benchmark_scripts import script

from aag_tf import flags
from aag_tf.augment import build_views
from aag_tf.config import AugmentConfig, TrainConfig

arms = script("controls_arms")
plan = script("controls_plan")
controls = script("controls")
trainer = script("controls_train")

STUDY = plan.Study(views=64_000, seeds=(10, 11), tune_seeds=(1000, 1001), final_seeds=(20, 21), pull_seeds=(30,))


def record(job, linear, pull=0.8):
    scores = {"knn": 0.4, "linear": linear}
    return {
        "key": job.key,
        "validation": scores,
        "curves": {"views": [1, 2], "positive_pull": [1.0, pull]},
        "train_seconds": 1.0,
        "seconds": 2.0,
        **({"test": {"knn": 0.4, "linear": 1.0 - linear}} if job.uses_test else {}),
    }


def run_all(score=lambda job: 0.5, pull=lambda job: 0.8):
    """Results as the driver would leave them, and the jobs in order."""
    records, order = {}, []
    while jobs := plan.pending(STUDY, records):
        records[jobs[0].key] = record(jobs[0], score(jobs[0]), pull(jobs[0]))
        order.append(jobs[0])
    return records, order


def test_every_seed_is_a_complete_round_of_arms_before_the_next():
    _, order = run_all()
    first = [job for job in order if job.stage in ("compute", "epochs")]
    assert first == order[: len(first)]
    assert [job.seed for job in first] == [10] * 24 + [11] * 24
    expected = set(itertools.product(arms.ARMS, (0, 1)))
    for seed in STUDY.seeds:
        assert {(job.arm, job.coupling) for job in first if (job.stage, job.seed) == ("compute", seed)} == expected
    counts = {stage: sum(job.stage == stage for job in order) for stage in plan.STAGES}
    assert counts == {"compute": 36, "epochs": 12, "tune": 96, "final": 8, "length": 4, "pull": 4}
    assert len({job.key for job in order}) == len(order)


def test_compute_or_epochs_are_equal_and_settings_are_shared():
    _, order = run_all()
    for job in order:
        config = flags.parse(["aag-train", *plan.job_flags(STUDY, job)], TrainConfig, usage="")
        steps, views = config.schedule.train_steps, len(arms.ARMS[job.arm])
        assert config.augment.num_views == views
        assert (config.loss.coupling, config.schedule.seed) == (job.coupling, job.seed)
        assert config.optimizer.learning_rate == job.setting.learning_rate
        if job.stage in ("compute", "epochs"):
            assert job.setting == arms.SHARED
        if job.stage in ("epochs", "length"):
            assert steps == 500
        else:
            longer = 10 if job.stage == "pull" else 1
            assert steps * views * 64 == pytest.approx(64_000 * longer, abs=64 * views)


def test_finalists_and_settings_are_chosen_on_held_out_images_only():
    best = arms.Setting(0.1, 0.007)

    def score(job):
        favored = job.arm in ("two default views", "AAG, main crop 0.08", "three default views")
        return 0.5 + 0.1 * favored + 0.1 * (job.stage == "tune" and job.setting == best)

    records, order = run_all(score)
    assert plan.finalists(STUDY, records) == ("two default views", "AAG, main crop 0.08")
    assert {job.setting for job in order if job.stage in ("final", "length")} == {best}
    assert {job.arm for job in order if job.stage == "length"} == {"AAG, main crop 0.08"}
    assert all("test" not in records[job.key] for job in order if job.stage == "tune")
    del records[plan.Job("compute", "SimCLR, crop 0.20", 0, 11).key]
    assert plan.finalists(STUDY, records) is None
    assert all(job.stage in ("compute", "epochs") for job in plan.all_jobs(STUDY, records))


def test_long_runs_take_the_highest_temperature_with_a_weak_upstream_gradient_at_coupling_1():
    def pull(job):
        return 1.0 if job.coupling == 0 else {0.25: 0.9, 0.17: 0.7, 0.1: 0.45, 0.07: 0.3}[job.setting.temperature]

    rate = {0: 0.007, 1: 0.012}
    _, order = run_all(lambda job: 0.5 + 0.1 * (job.setting.learning_rate == rate[job.coupling]), pull)
    long = [job for job in order if job.stage == "pull"]
    assert {job.setting.temperature for job in long} == {0.1}
    assert {(job.coupling, job.setting.learning_rate) for job in long} == {(0, 0.007), (1, 0.012)}
    _, order = run_all(pull=lambda job: 0.9)
    assert {job.setting.temperature for job in order if job.stage == "pull"} == {0.07}


def test_an_arm_draws_the_views_of_the_packages_own_branches():
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), np.uint8)

    def drawn(maker):
        return maker.make(tf.constant(images), seed=3, step=5, row=tf.range(4)).numpy()

    def package(aux, crop):
        config = AugmentConfig(aux=aux, crop_min_area=crop)
        return drawn(build_views(config, (12, 12, 3), jit_compile=False))

    views = {arm: drawn(trainer.views_of(arm, AugmentConfig(), jit_compile=False)) for arm in arms.ARMS}
    assert {arm: found.shape[1] for arm, found in views.items()} == {arm: len(own) for arm, own in arms.ARMS.items()}
    np.testing.assert_array_equal(views["SimCLR, crop 0.20"], package("none", 0.2))
    np.testing.assert_array_equal(views["SimCLR, crop 0.08"], package("none", 0.08))
    np.testing.assert_array_equal(views["AAG, main crop 0.20"], package("default", 0.2))
    np.testing.assert_array_equal(views["AAG, main crop 0.08"], package("default", 0.08))
    np.testing.assert_array_equal(views["three default views"][:, 2], package("default", 0.2)[:, 2])
    np.testing.assert_array_equal(views["two default views"], views["three default views"][:, :2])
    np.testing.assert_array_equal(views["one main, one default"][:, 0], package("none", 0.2)[:, 0])
    np.testing.assert_array_equal(views["one main, one default"][:, 1], views["two default views"][:, 1])
    crop = views["AAG, auxiliary crop only"]
    np.testing.assert_array_equal(crop[:, :2], package("none", 0.2))
    np.testing.assert_array_equal(crop[:, 2], package("main", 0.08)[:, 2])
    own = trainer.branch(arms.SOLARIZE_CUTOUT, AugmentConfig(), jit_compile=False)
    default = trainer.branch(arms.DEFAULT, AugmentConfig(), jit_compile=False)
    assert (own._smallest_crop(), default._smallest_crop()) == (0.2, 0.08)
    assert (own.settings.cutout, dict(own.settings.operations)) == (0.5, {"solarize": 0.5})


def test_an_unknown_arm_is_rejected_with_the_known_ones():
    with pytest.raises(SystemExit, match=r"give one --arm of: SimCLR, crop 0\.20; "):
        trainer.main(["controls_train.py", "--arm=SimCLR"])


def test_progress_counts_rounds_and_another_study_is_not_mixed_in(tmp_path, capsys):
    jobs = plan.first_jobs(STUDY)
    records = {job.key: record(job, 0.5) for job in jobs[:30]}
    controls.show_progress(STUDY, records, list(plan.STAGES), 2)
    assert capsys.readouterr().out.startswith("compute 24/36, epochs 6/12; 1 of 2 rounds complete; ")
    records = {"a": {"study": controls.fingerprint(STUDY)}}
    controls.check_same_study(STUDY, records, tmp_path)
    with pytest.raises(SystemExit, match="use the same settings or another --results"):
        controls.check_same_study(plan.Study(), records, tmp_path)
