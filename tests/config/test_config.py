"""Settings: what is allowed, and the ways to and from flags."""

import pytest

from aag_tf import config as configs
from aag_tf.config import (
    AugmentConfig,
    ContactSheetConfig,
    DataConfig,
    EmbedConfig,
    EvaluateConfig,
    ExportConfig,
    FinetuneConfig,
    LayoutConfig,
    LossConfig,
    OptimizerConfig,
    PredictConfig,
    ProtocolConfig,
    RunConfig,
    ScheduleConfig,
    SearchConfig,
    TrainConfig,
)
from aag_tf.utils.errors import ConfigError

COMMANDS = (
    *(TrainConfig, ContactSheetConfig, EvaluateConfig, ExportConfig, EmbedConfig, SearchConfig),
    *(FinetuneConfig, PredictConfig),
)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: DataConfig(dataset=""), ["--dataset"]),
        (
            lambda: LossConfig(temperature=0.04, learn_temperature=True),
            ["--temperature=0.04", "--temperature_minimum=0.05"],
        ),
        (lambda: LossConfig(temperature=2.0, learn_temperature=True), ["--temperature=2", "and 1"]),
        (lambda: ScheduleConfig(global_batch_size=64, cpu_replicas=3), ["64", "--cpu_replicas=3", "multiple of 3"]),
        (lambda: ScheduleConfig(global_batch_size=64, replicas=3), ["64", "--replicas=3", "multiple of 3"]),
        (lambda: ScheduleConfig(replicas=2, cpu_replicas=2), ["--replicas", "--cpu_replicas", "one of the two"]),
        (
            lambda: ScheduleConfig(global_batch_size=64, accumulation_steps=3),
            ["64", "over --accumulation_steps=3;", "multiple of 3"],
        ),
        (
            lambda: ScheduleConfig(global_batch_size=64, cpu_replicas=2, accumulation_steps=3),
            ["64", "--cpu_replicas=2 and --accumulation_steps=3", "multiple of 6"],
        ),
        (lambda: ScheduleConfig(jit_compile="on", replicas=2), ["--jit_compile=on", "--replicas=2", "auto"]),
        (
            lambda: TrainConfig(
                augment=AugmentConfig(augment_impl="keras_cv"), schedule=ScheduleConfig(accumulation_steps=2)
            ),
            ["--accumulation_steps=2", "--augment_impl=keras_cv", "--augment_on=host"],
        ),
        (
            lambda: OptimizerConfig(lr_schedule="wsd", warmup_fraction=0.5, decay_fraction=0.6),
            ["--warmup_fraction=0.5", "--decay_fraction=0.6", "lower one"],
        ),
        (lambda: RunConfig(resume=True, overwrite=True), ["--resume", "--overwrite"]),
        (EvaluateConfig, ["--run_dir", "--saved_model"]),
        (lambda: EvaluateConfig(run_dir="a", saved_model="b"), ["exactly one"]),
        (lambda: EvaluateConfig(compare="a,b", run_dir="c"), ["--compare", "only --output"]),
        (lambda: EvaluateConfig(compare="a,b", protocol=ProtocolConfig(knn_k=5)), ["--compare", "only --output"]),
        (lambda: ExportConfig(run_dir="a"), ["--export_dir"]),
        (lambda: ExportConfig(export_dir="a"), ["--run_dir is missing", "--classifier"]),
        (lambda: ExportConfig(classifier="a", export_dir="b", formats="onnx"), ["--formats=onnx", "--classifier"]),
        (lambda: PredictConfig("a", "b"), ["--output is missing"]),
        (lambda: PredictConfig("a", "b", "c", resume=True, overwrite=True), ["--resume", "--overwrite"]),
        (lambda: EmbedConfig("a", "b"), ["--output is missing"]),
        (lambda: EmbedConfig("a", "b", "c", resume=True, overwrite=True), ["--resume", "--overwrite"]),
        (lambda: SearchConfig("a"), ["--query", "--like"]),
        (FinetuneConfig, ["--init_from is missing", "a .keras file"]),
        (lambda: FinetuneConfig("a", "digits"), ["--output is missing"]),
        (lambda: FinetuneConfig("a.keras", output="b"), [".keras", "--dataset"]),
        (lambda: FinetuneConfig("a", output="b", input_range="0..1"), ["--input_range=0..1", ".keras"]),
        (lambda: FinetuneConfig("a", output="b", resume=True, overwrite=True), ["--resume", "--overwrite"]),
        (lambda: FinetuneConfig("a", output="b", layout=LayoutConfig(labels="none")), ["--labels", "--dataset"]),
        (lambda: SearchConfig("a", query="b", like="c"), ["exactly one"]),
        (lambda: SearchConfig("a", like=""), ["--like is empty"]),
        (lambda: SearchConfig("a", duplicates=0.98, outliers=5), ["exactly one"]),
        (lambda: LossConfig(positives="out"), ["--positives=out is --positives=pairs at --coupling=0", "--coupling=1"]),
        (
            lambda: LossConfig(dclw_sigma=0.5, coupling=1.0),
            ["--dclw_sigma=0.5", "combined with --coupling=1;"],
        ),
        (
            lambda: SearchConfig("a", duplicates=0.98, top_k=5),
            ["--top_k=5 belongs to --query and --like", "--duplicates"],
        ),
        (lambda: SearchConfig("a", duplicates=0.98, index="hnsw"), ["--index=hnsw belongs to --query and --like"]),
        (lambda: SearchConfig("a", select=5, outlier_neighbors=3), ["--outlier_neighbors=3 belongs to --outliers"]),
        (lambda: SearchConfig("a", like="b", labeled="c"), ["--labeled=c belongs to --select", "--like; leave it out"]),
        (lambda: SearchConfig("a", outliers=5, results="b.csv"), ["--results=b.csv", "without suffix"]),
    ],
)
def test_settings_that_contradict_each_other_are_refused_by_their_names(build, words):
    with pytest.raises(ConfigError) as refusal:
        build()
    message = str(refusal.value)
    assert all(word in message for word in words)
    assert "\n" not in message


# Bounds and choices that protect users, as literals: a change of one should be seen here.
ALLOWED = {
    "aux_size": "8 to 1024",
    "aux_strength": "0 to 2",
    "aux_views": "1 to 12",
    "aux_weight": "0 or more",
    "batch_size": "1 to 65536",
    "blur_probability": "0 to 1",
    "channels": "1 to 64",
    "color_strength": "0 to 1",
    "coupling": "0 to 1",
    "crop_min_area": "above 0, at most 1",
    "dclw_sigma": "0 to 100",
    "decay_fraction": "0 to 0.9",
    "ema_momentum": "0 to 0.99999",
    "embed_views": "1, 2, 5 or 10",
    "embedding_grid": "1 to 8",
    "global_batch_size": "2 or more",
    "grayscale_probability": "0 to 1",
    "image_size": "SIDE or HEIGHTxWIDTH, each 4 to 1024",
    "images": "1 to 64",
    "label_draws": "1 to 100",
    "label_percents": "above 0, at most 100",
    "labels": "auto, folders, none, or the file of a table such as labels.csv",
    "learning_rate": "above 0",
    "max_pixels": "1 to 268435456",
    "momentum": "0 to 0.9999",
    "projector_depth": "0 to 6",
    "projector_dim": "2 or more",
    "projector_images": "0 to 10000",
    "read_threads": "1 to 1024",
    "rince_lambda": "above 0, at most 1",
    "rince_q": "0 to 1",
    "seed": "0 to 2147483647",
    "shown_bands": "three bands such as 4,3,2, each 1 to 64",
    "splits": "auto, none, or train=DIR,validation=DIR,test=DIR",
    "value_range": "auto, percentile or LOW..HIGH",
    "shard_size": "1 to 10000000",
    "strengths": "0 to 2",
    "temperature": "above 0, at most 100",
    "temperature_minimum": "above 0, at most 1",
    "top_k": "1 to 10000",
    "duplicates": "above 0, at most 1",
    "outlier_neighbors": "1 to 1000",
    "outliers": "1 to 10000",
    "select": "1 to 10000",
    "uncertain": "0 to 1000",
    "validation_fraction": "0 to 0.9",
    "warmup_fraction": "0 to 0.9",
    "width": "0.125 to 8",
    "freeze_until": "the name of a layer, or a share above 0 and below 1",
    "layer_decay": "above 0, at most 1",
    "held_out_fraction": "above 0, at most 0.5",
    "label_percent": "above 0, at most 100",
    "label_smoothing": "0 to 0.5",
}
ABOVE_ZERO = {"fine_tune_learning_rate", "learning_rates", "knn_temperature", "sgd_learning_rates"}
FROM_0 = {"init_warmup_steps", "knn_every_epochs", "supervised_epochs", "warmup_steps", "weight_decay"}


@pytest.mark.parametrize("config_type", COMMANDS)
def test_the_range_of_every_number(config_type):
    for name, declared in configs.leaves(config_type).items():
        other = "above 0" if name in ABOVE_ZERO else "0 or more" if name in FROM_0 else "1 or more"
        number = declared.kind in (int, float) or declared.low is not None
        assert declared.bounds == (ALLOWED.get(name, other) if number or declared.form else ""), name


def test_the_choices_of_training():
    choices = {name: declared.choices for name, declared in configs.leaves(TrainConfig).items() if declared.choices}
    assert choices == {
        "augment_impl": ("fused", "keras_cv"),
        "augment_on": ("device", "host"),
        "crop_from": ("auto", "image", "source"),
        "aux": configs.AUXILIARIES,
        "fit": ("crop", "pad", "stretch"),
        "input_range": ("auto", "-1..1", "imagenet"),
        "jit_compile": ("auto", "on", "off"),
        "loss_form": ("auto", "dense", "streaming"),
        "lr_scaling": ("none", "linear", "sqrt"),
        "lr_schedule": ("cosine", "wsd"),
        "normalization_gradient": ("exact", "unscaled"),
        "optimizer": ("adamw", "muon", "sgd", "lars"),
        "pages": ("first", "each"),
        "positives": ("pairs", "out", "in"),
        "precision": ("auto", "float32", "mixed_bfloat16", "mixed_float16"),
        "stem": ("auto", "small", "imagenet"),
    }


def test_old_names_in_a_record_are_understood():
    recorded = {"run_dir": "a", "floors": "untrained", "measures": "knn, unlabelled"}
    protocol = configs.from_flat(EvaluateConfig, recorded).protocol
    assert (protocol.baselines, protocol.measures) == ("untrained", "knn,unlabeled")


def test_numbers_in_a_list_are_sorted_and_each_counts_once():
    protocol = ProtocolConfig(label_percents="10, 1,10,", sgd_learning_rates="1,0.1")
    assert protocol.label_shares == (0.01, 0.1)
    assert protocol.sgd_rates == (0.1, 1.0)


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


def test_the_default_rate_is_that_of_the_optimizer_and_is_recorded():
    rates = {name: OptimizerConfig(name).rate for name in ("adamw", "muon", "sgd", "lars")}
    assert rates == {"adamw": 0.0035, "muon": 0.02, "sgd": 0.03, "lars": 0.3}
    assert OptimizerConfig("muon", 0.01).rate == 0.01
    assert configs.to_flat(TrainConfig(optimizer=OptimizerConfig("muon")))["learning_rate"] == 0.02
    earlier = configs.to_flat(TrainConfig()) | {"optimizer": "muon", "learning_rate": 0.0035}
    assert configs.from_flat(TrainConfig, earlier).optimizer.rate == 0.0035


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
        "--precision (was auto, is mixed_bfloat16)",
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


def test_the_choices_of_fine_tuning():
    choices = {name: each.choices for name, each in configs.leaves(FinetuneConfig).items() if each.choices}
    assert choices == {
        "augment": ("main", "crops", "none"),
        "precision": ("auto", "float32", "mixed_bfloat16"),
        "input_range": ("0..255", "0..1", "-1..1", "imagenet"),
    }
