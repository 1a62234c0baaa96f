"""Measures: what is measured, and how."""

from absl import flags

from aag_tf.config import EVALUATION_SPLITS, ProtocolConfig

MEASURES_HELP = """What to measure, separated by commas, or all.
Quick: knn (weighted k nearest neighbors), linear (logistic regression by L-BFGS, its regularization chosen on held-out
training images), unlabeled (alignment, uniformity, RankMe, neighbor purity).
Longer: linear_sgd (the probe of papers: SGD on augmented images), few_labels (probe on 1 % and 10 % of the labels),
fine_tune (the whole encoder on as few), robustness (noise, blur, contrast and JPEG at five strengths each)."""


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `ProtocolConfig`."""
    _define_quick(flag_values)
    _define_longer(flag_values)


def _define_quick(flag_values: flags.FlagValues) -> None:
    default = ProtocolConfig()
    flags.DEFINE_enum(
        "split",
        default.split,
        EVALUATION_SPLITS,
        "Images to judge on: validation while you tune settings, test for the figure you report.",
        flag_values=flag_values,
    )
    flags.DEFINE_string("measures", default.measures, MEASURES_HELP, flag_values=flag_values)
    flags.DEFINE_string(
        "baselines",
        default.baselines,
        "What the encoder is compared with, separated by commas: raw_pixels, untrained (the same network with random "
        "weights); none to judge the encoder alone, for instance one checkpoint after the other.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "knn_k",
        default.knn_k,
        "Nearest training images that vote, 1 or more; 20 suits most data sets, fewer suit small ones.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "knn_temperature",
        default.knn_temperature,
        "Lets nearer images count more, above 0: weight exp(similarity / temperature).",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "embed_batch_size",
        default.embed_batch_size,
        "Images embedded at once, 1 or more. Lower it if memory runs out; the figures do not change.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "seed",
        default.seed,
        "Decides every random choice of the evaluation, 0 or more: draws of labels, corruptions, views, bootstrap.",
        flag_values=flag_values,
    )


def _define_longer(flag_values: flags.FlagValues) -> None:
    default = ProtocolConfig()
    flags.DEFINE_string(
        "label_percents",
        default.label_percents,
        "Percentages of the labels that few_labels and fine_tune learn from, separated by commas.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "label_draws",
        default.label_draws,
        "Independent stratified draws of so many labels, 1 to 100; their mean and spread are reported.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "sgd_epochs",
        default.sgd_epochs,
        "Passes of linear_sgd over the training images, 1 or more; each embeds them anew if they are augmented.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "sgd_learning_rates",
        default.sgd_learning_rates,
        "Learning rates of linear_sgd at the start of its cosine, for batches of 256, separated by commas; of several, "
        "a held-out tenth of the training images chooses, and one alone learns from all of them.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "sgd_augment",
        default.sgd_augment,
        "Let linear_sgd learn from random crops and flips; without, features are computed once and it takes seconds.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "fine_tune_steps",
        default.fine_tune_steps,
        "Steps of fine_tune for each draw of labels, 1 or more.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "fine_tune_learning_rate",
        default.fine_tune_learning_rate,
        "Peak learning rate of fine_tune and of the supervised encoder (AdamW), above 0.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "supervised_epochs",
        default.supervised_epochs,
        "Train a copy of the untrained encoder on all labels for so many epochs, and judge it beside the others; 0 "
        "for none.",
        flag_values=flag_values,
    )
