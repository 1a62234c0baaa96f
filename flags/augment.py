"""Views: how two main views and the auxiliary ones are drawn from an image."""

from absl import flags

from aag_tf.config import AUGMENT_IMPLEMENTATIONS, AUGMENT_PLACES, AUXILIARIES, AugmentConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `AugmentConfig`."""
    default = AugmentConfig()
    flags.DEFINE_enum(
        "aux",
        default.aux,
        AUXILIARIES,
        "Auxiliary branch, the wider distribution that the third view comes from: a preset (aag-augment shows what it "
        "does to your images), main for more views of the main branch, or none for its two views only (SimCLR's "
        "setting, a third less work a step). own is what a run notes of a branch that was handed to train() in Python.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "aux_views",
        default.aux_views,
        "Auxiliary views of each image, 1 to 6. Every one costs another encoder pass.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "aux_strength",
        default.aux_strength,
        "How far the auxiliary operations go: 0 none, 1 as the preset says, 2 twice as far. Lower it if auxiliary "
        "views in TensorBoard's grid can no longer be recognized.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "crop_min_area",
        default.crop_min_area,
        "Smallest part of an image that a main view may show, above 0, at most 1. SimCLR: 0.08. Raise it where "
        "small crops lose the subject (digits, centerd objects).",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "color_strength",
        default.color_strength,
        "Strength of brightness, contrast, saturation and hue jitter in main views, 0 to 1. SimCLR on CIFAR: 0.5. "
        "Lower it where color itself tells classes apart.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "grayscale_probability",
        default.grayscale_probability,
        "Share of main views that lose their color, 0 to 1; without effect on one-channel images.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "flip",
        default.flip,
        "Mirror half of the views left to right. Use --noflip where left and right differ (digits, letters, signs).",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "blur_probability",
        default.blur_probability,
        "Share of main views that are blurred, 0 to 1. Default: 0.5 for large images, 0 for small ones, where blur "
        "leaves too little to see.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "augment_impl",
        default.augment_impl,
        AUGMENT_IMPLEMENTATIONS,
        "fused: whole batches at once, many times faster and repeatable from --seed. keras_cv: keras-cv's own layers, "
        "the reference to compare with.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "augment_on",
        default.augment_on,
        AUGMENT_PLACES,
        "Where views are made: device (in the train step, beside the encoder) or host (in the input pipeline, on CPU "
        "cores that a busy GPU leaves idle).",
        flag_values=flag_values,
    )
