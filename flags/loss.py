"""Loss: GNT-Xent, which pulls the views of an image together and pushes other images away."""

from absl import flags

from aag_tf.config import LOSS_FORMS, LossConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `LossConfig`."""
    default = LossConfig()
    flags.DEFINE_float(
        "temperature",
        default.temperature,
        "Divides similarities, above 0, at most 100; 0.1 to 0.5 is usual. Lower looks at the nearest negatives only, "
        "higher at all of them alike. Tune it first: no other setting of the loss matters as much.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "learn_temperature",
        default.learn_temperature,
        "Train the temperature with the networks, from --temperature on, between --temperature_minimum and 1. With "
        "--coupling=0 the loss rewards ever lower temperatures, so that it soon lies at its bound.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "temperature_minimum",
        default.temperature_minimum,
        "Lowest value that a learned temperature may take, above 0, at most 1.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "coupling",
        default.coupling,
        "Share of the positive pair in its own denominator. 0: GNT-Xent, a constant pull that keeps small batches "
        "learning. 1: SimCLR's NT-Xent, whose pull fades once a batch is solved.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "aux_weight",
        default.aux_weight,
        "Weight of pairs that join a main and an auxiliary view, 0 or more; main pairs weigh 1.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "aux_negatives",
        default.aux_negatives,
        "Push away from the auxiliary views of other images too, and not from their main views only.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "loss_form",
        default.loss_form,
        LOSS_FORMS,
        "How the same value is computed: dense (all similarities in memory), streaming (block by block, flat memory "
        "for huge batches) or auto (by size).",
        flag_values=flag_values,
    )
