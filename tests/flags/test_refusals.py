"""Which flags are suggested for one that does not exist."""

import pytest

from aag_tf.config import EmbedConfig, EvaluateConfig, TrainConfig, leaves
from aag_tf.flags.commands import COMMANDS
from aag_tf.flags.refusals import similar_flags
from aag_tf.flags.synonyms import SYNONYMS


@pytest.mark.parametrize(
    ("config_type", "wrong", "meant"),
    [
        (TrainConfig, "temprature", ["temperature", "learn_temperature", "temperature_minimum"]),
        (TrainConfig, "batch_size", ["global_batch_size"]),
        (TrainConfig, "batch-size", ["global_batch_size"]),
        (TrainConfig, "ls", ["lr_scaling", "lr_schedule", "local_shards"]),
        (TrainConfig, "noflpi", ["noflip", "flip"]),
        (TrainConfig, "xyzzy", []),
        (EmbedConfig, "threads", ["read_threads"]),
        (EvaluateConfig, "floor", []),  # an old name is understood, and not suggested
    ],
)
def test_a_flag_is_found_by_a_misspelling_a_part_or_its_initials(config_type, wrong, meant):
    assert similar_flags(wrong, leaves(config_type)) == meant


def test_at_most_three_are_suggested():
    assert len(similar_flags("step", leaves(TrainConfig))) == 3


@pytest.mark.parametrize(
    ("command", "wrong", "meant"),
    [
        ("aag-train", "batch_size", "global_batch_size"),
        ("aag-train", "bs", "global_batch_size"),
        ("aag-train", "lr", "learning_rate"),
        ("aag-train", "epoch", "epochs"),
        ("aag-train", "temp", "temperature"),
        ("aag-train", "tau", "temperature"),
        ("aag-train", "model", "encoder"),
        ("aag-train", "backbone", "encoder"),
        ("aag-train", "weights", "init_from"),
        ("aag-train", "data", "dataset"),
        ("aag-train", "out", "run_dir"),
        ("aag-train", "gpus", "replicas"),
        ("aag-train", "workers", "cpu_replicas"),
        ("aag-train", "size", "image_size"),
        ("aag-augment", "output", "out"),
        ("aag-evaluate", "model", "saved_model"),
        ("aag-evaluate", "batch_size", "embed_batch_size"),
        ("aag-export", "out", "export_dir"),
        ("aag-embed", "workers", "read_threads"),
        ("aag-embed", "data", "input"),
        ("aag-search", "k", "top_k"),
        ("aag-search", "input", "embeddings"),
    ],
)
def test_names_of_other_packages_are_known(command, wrong, meant):
    settings = leaves(COMMANDS[command])
    assert wrong not in settings
    assert similar_flags(wrong, settings)[0] == meant
    assert similar_flags(wrong.upper().replace("_", "-"), settings)[0] == meant


def test_every_synonym_names_flags_that_exist():
    flags = set().union(*(leaves(config_type) for config_type in COMMANDS.values()))
    assert {meant for candidates in SYNONYMS.values() for meant in candidates} <= flags
    for command, config_type in COMMANDS.items():
        for wrong in SYNONYMS.keys() - leaves(config_type).keys():
            assert set(similar_flags(wrong, leaves(config_type))) <= leaves(config_type).keys(), (command, wrong)
