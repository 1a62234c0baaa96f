"""The sheet: how many images, at which strengths, and which file."""

from absl import flags

from aag_tf.config import ContactSheetConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `ContactSheetConfig` that no other command has."""
    default = ContactSheetConfig()
    flags.DEFINE_string("out", default.out, "PNG file that the sheet is written to.", flag_values=flag_values)
    flags.DEFINE_bool("overwrite", default.overwrite, "Replace that file if it exists.", flag_values=flag_values)
    flags.DEFINE_integer("images", default.images, "Images on the sheet, a row each, 1 to 64.", flag_values=flag_values)
    flags.DEFINE_string(
        "strengths",
        default.strengths,
        "Strengths of the auxiliary branch to show side by side, 0 to 2 each, like 0.5,1,2; from the same random "
        "numbers, so that a row shows the same views growing stronger. Default: half of --aux_strength, itself and "
        "twice that.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "seed",
        default.seed,
        "Decides which images are shown and how their views are drawn; change it to see others.",
        flag_values=flag_values,
    )
