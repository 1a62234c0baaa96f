"""Which flags are suggested for one that does not exist."""

import pytest

from aag_tf.config import EmbedConfig, EvaluateConfig, TrainConfig, leaves
from aag_tf.flags.refusals import similar_flags


@pytest.mark.parametrize(
    ("config_type", "wrong", "meant"),
    [
        (TrainConfig, "temprature", ["temperature", "learn_temperature", "temperature_minimum"]),
        (TrainConfig, "batch_size", ["global_batch_size"]),
        (TrainConfig, "batch-size", ["global_batch_size"]),
        (TrainConfig, "lr", ["lr_scaling", "learning_rate"]),
        (TrainConfig, "weights", ["aux_weight", "weight_decay"]),
        (TrainConfig, "noflpi", ["noflip", "flip"]),
        (TrainConfig, "xyzzy", []),
        (EmbedConfig, "threads", ["read_threads"]),
        (EvaluateConfig, "floor", []),  # an old name is understood, and not suggested
    ],
)
def test_a_flag_is_found_by_a_misspelling_a_part_or_its_initials(config_type, wrong, meant):
    assert similar_flags(wrong, leaves(config_type)) == meant


def test_at_most_three_are_suggested():
    assert len(similar_flags("steps", leaves(TrainConfig))) == 3
