"""Settings: ranges refused by name, and the ways to and from flags."""

import pytest

from aag_tf import config as configs
from aag_tf.config import (
    AugmentConfig,
    DataConfig,
    EmbedConfig,
    EncoderConfig,
    EvaluateConfig,
    ExportConfig,
    LossConfig,
    OptimizerConfig,
    RunConfig,
    ScheduleConfig,
    SearchConfig,
    TrainConfig,
)
from aag_tf.utils.errors import ConfigError


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: DataConfig(dataset=""), ["--dataset"]),
        (lambda: DataConfig(image_size=2), ["--image_size=2", "at least 4"]),
        (lambda: DataConfig(validation_fraction=1.0), ["--validation_fraction=1", "at most 0.9"]),
        (lambda: AugmentConfig(crop_min_area=0.0), ["--crop_min_area=0", "above 0"]),
        (lambda: AugmentConfig(augment_on="moon"), ["--augment_on=moon", "device, host"]),
        (lambda: EncoderConfig(width=0), ["--width=0"]),
        (lambda: LossConfig(temperature=0.0), ["--temperature=0", "above 0"]),
        (lambda: LossConfig(temperature=-1.0), ["--temperature=-1", "above 0"]),
        (lambda: LossConfig(temperature=float("nan")), ["--temperature=nan"]),
        (
            lambda: LossConfig(temperature=0.04, learn_temperature=True),
            ["--temperature=0.04", "--temperature_minimum=0.05"],
        ),
        (lambda: LossConfig(temperature=2.0, learn_temperature=True), ["--temperature=2", "and 1"]),
        (lambda: LossConfig(coupling=1.5), ["--coupling=1.5", "at most 1"]),
        (lambda: OptimizerConfig(optimizer="adam"), ["--optimizer=adam", "adamw, sgd, lars"]),
        (lambda: ScheduleConfig(global_batch_size=1), ["--global_batch_size=1", "negatives"]),
        (lambda: ScheduleConfig(global_batch_size=64, cpu_replicas=3), ["64", "--cpu_replicas=3", "multiple of 3"]),
        (lambda: ScheduleConfig(replicas=2, cpu_replicas=2), ["--replicas", "--cpu_replicas", "one of the two"]),
        (
            lambda: ScheduleConfig(global_batch_size=64, cpu_replicas=2, accumulation_steps=3),
            ["64", "--accumulation_steps=3", "multiple of 6"],
        ),
        (
            lambda: TrainConfig(
                augment=AugmentConfig(augment_impl="keras_cv"), schedule=ScheduleConfig(accumulation_steps=2)
            ),
            ["--accumulation_steps=2", "--augment_impl=keras_cv", "--augment_on=host"],
        ),
        (lambda: RunConfig(resume=True, overwrite=True), ["--resume", "--overwrite"]),
        (EvaluateConfig, ["--run_dir", "--saved_model"]),
        (lambda: EvaluateConfig(run_dir="a", saved_model="b"), ["exactly one"]),
        (lambda: ExportConfig(run_dir="a"), ["--export_dir"]),
        (lambda: EmbedConfig("a", "b"), ["--output is missing"]),
        (lambda: EmbedConfig("a", "b", "c", shard_size=0), ["--shard_size=0", "at least 1"]),
        (lambda: EmbedConfig("a", "b", "c", read_threads=0), ["--read_threads=0"]),
        (lambda: EmbedConfig("a", "b", "c", resume=True, overwrite=True), ["--resume", "--overwrite"]),
        (lambda: SearchConfig("a"), ["--query", "--like"]),
        (lambda: SearchConfig("a", query="b", like="c"), ["exactly one"]),
        (lambda: SearchConfig("a", like=""), ["--like is empty"]),
        (lambda: SearchConfig("a", like="1", index="tree"), ["--index=tree", "exact, hnsw"]),
    ],
)
def test_a_value_out_of_range_is_refused_by_the_name_of_its_flag(build, words):
    with pytest.raises(ConfigError) as refusal:
        build()
    message = str(refusal.value)
    assert all(word in message for word in words)
    assert "\n" not in message


def test_flat_values_round_trip():
    config = TrainConfig(
        data=DataConfig(dataset="tfds:cifar10", image_size=24), loss=LossConfig(temperature=0.5, aux_negatives=False)
    )
    assert configs.from_flat(TrainConfig, configs.to_flat(config)) == config


def test_every_setting_is_a_leaf_with_a_name_of_its_own():
    assert set(configs.leaves(TrainConfig)) == set(configs.to_flat(TrainConfig()))
    parts = [part for part in vars(TrainConfig()).values()]
    assert sum(len(configs.to_flat(part)) for part in parts) == len(configs.leaves(TrainConfig))


def test_flag_lines_leave_out_what_is_not_set():
    lines = configs.flag_lines(AugmentConfig(flip=False, aux="none"))
    assert "--aux=none" in lines
    assert "--noflip" in lines
    assert not any("blur" in line for line in lines)


def test_what_may_change_when_a_run_goes_on():
    recorded = configs.to_flat(TrainConfig())
    assert configs.changed_training_settings(TrainConfig(), recorded) == []
    elsewhere = TrainConfig(
        data=DataConfig(data_dir="elsewhere", download=True),
        augment=AugmentConfig(augment_on="host"),
        loss=LossConfig(loss_form="streaming"),
        schedule=ScheduleConfig(cpu_replicas=2, steps_per_execution=8, jit_compile="off"),
        run=RunConfig(run_dir="elsewhere", resume=True, log_every_steps=7, checkpoint_every_steps=9),
    )
    assert configs.changed_training_settings(elsewhere, recorded) == []
    other = TrainConfig(
        optimizer=OptimizerConfig(learning_rate=0.5, ema_momentum=0.9),
        schedule=ScheduleConfig(epochs=7, global_batch_size=32, seed=1, precision="mixed_bfloat16"),
    )
    assert configs.changed_training_settings(other, recorded) == [
        "--learning_rate (was 0.0035, is 0.5)",
        "--ema_momentum (was 0.0, is 0.9)",
        "--epochs (was 100, is 7)",
        "--global_batch_size (was 64, is 32)",
        "--seed (was 0, is 1)",
        "--precision (was float32, is mixed_bfloat16)",
    ]


def test_what_a_run_is_watched_by_may_move_and_not_change():
    def changed(before, now):
        recorded = configs.to_flat(TrainConfig(run=RunConfig(monitor_dataset=before)))
        return configs.changed_training_settings(TrainConfig(run=RunConfig(monitor_dataset=now)), recorded)

    assert changed("folder:here/cats", "folder:there/cats") == []
    assert changed("tfds:cifar10", "tfds:cifar100") == ["--monitor_dataset (was tfds:cifar10, is tfds:cifar100)"]
    assert changed(None, "digits") == ["--monitor_dataset (was None, is digits)"]


def test_a_setting_that_is_younger_than_a_run_had_its_default():
    recorded = configs.to_flat(TrainConfig())
    del recorded["ema_momentum"]
    assert configs.changed_training_settings(TrainConfig(), recorded) == []


def test_views_are_counted():
    assert [AugmentConfig(aux=aux, aux_views=2).num_views for aux in ("none", "default")] == [2, 4]
