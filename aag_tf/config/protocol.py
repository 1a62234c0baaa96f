"""What is measured of an encoder, and how."""

import dataclasses

from aag_tf.config.checks import listed, parse_numbers
from aag_tf.config.schedule import LARGEST_SEED
from aag_tf.config.setting import check_settings, setting

BASELINES = ("raw_pixels", "untrained")
MEASURES = ("knn", "linear", "unlabeled", "linear_sgd", "few_labels", "fine_tune", "robustness")
QUICK_MEASURES = ("knn", "linear", "unlabeled")  # seconds to a minute once features exist
USUAL_KNN_K = 20


@dataclasses.dataclass(frozen=True)
class ProtocolConfig:
    """Measures: what is measured, and how.

    `split`, `measures` and `knn_k` are `None` where the data decides; `aag_tf.evaluation.choices` has the rules.
    """

    split: str | None = setting(
        None,
        "Images to evaluate on: validation while you tune settings, test for the numbers you report; train (for "
        "--measures=unlabeled only) where nothing is held out. Default: test, or what there is.",
        choices=("test", "validation", "train"),
    )
    measures: str | None = setting(
        None,
        "What to measure, or all that is possible. Quick: knn (weighted k nearest neighbors), linear (logistic "
        "regression by L-BFGS, its regularization chosen on held-out training images), unlabeled (alignment, "
        "uniformity, RankMe, neighbor purity). Longer: linear_sgd (the probe of papers: SGD on augmented images), "
        "few_labels (probe on 1 % and 10 % of the labels), fine_tune (the whole encoder on as few), robustness (noise, "
        "blur, contrast and JPEG at five strengths each). "
        f"Default: {','.join(QUICK_MEASURES)}; unlabeled alone where labels are missing.",
        choices=(*MEASURES, "all"),
        several=True,
        if_empty="name one or more, or all",
        value_aliases={"unlabelled": "unlabeled"},
    )
    baselines: str = setting(
        ",".join(BASELINES),
        "What the encoder is compared with: raw_pixels, untrained (the same network with random weights); none to "
        "evaluate the encoder alone, for instance one checkpoint after the other.",
        choices=(*BASELINES, "none"),
        several=True,
        if_empty="name one or more, or none",
        aliases=("floors",),
    )
    knn_k: int | None = setting(
        None,
        f"Nearest training images that vote. Default: {USUAL_KNN_K}, or the number of images of the median class where "
        "that is smaller.",
        low=1,
    )
    knn_temperature: float = setting(
        0.07,  # Wu et al. 2018, section 3.4
        "Lets nearer images count more: weight exp(similarity / temperature).",
        low=0.0,
        low_open=True,
    )
    label_percents: str = setting(
        "1,10",
        "Percentages of the labels that few_labels and fine_tune learn from.",
        low=0.0,
        high=100.0,
        low_open=True,
        several=True,
        if_empty="give percentages, as in 1,10",
    )
    label_draws: int = setting(
        5,
        "Independent stratified draws of so many labels; their mean and spread are reported.",
        low=1,
        high=100,
    )
    sgd_epochs: int = setting(
        90, "Passes of linear_sgd over the training images; each embeds them anew if they are augmented.", low=1
    )
    sgd_learning_rates: str = setting(
        "0.01,0.03,0.1,0.3,1",
        "Learning rates of linear_sgd at the start of its cosine, for batches of 256; of several, a held-out tenth of "
        "the training images chooses, and one alone learns from all of them.",
        low=0.0,
        low_open=True,
        several=True,
        if_empty="give learning rates, as in 0.03,0.1,0.3",
    )
    sgd_augment: bool = setting(
        True,
        "Let linear_sgd learn from random crops and flips; without, features are computed once and it takes seconds.",
    )
    fine_tune_steps: int = setting(1000, "Steps of fine_tune for each draw of labels.", low=1)
    fine_tune_learning_rate: float = setting(
        1e-3, "Peak learning rate of fine_tune and of the supervised encoder (AdamW).", low=0.0, low_open=True
    )
    supervised_epochs: int = setting(
        0,
        "Train a copy of the untrained encoder on all labels for so many epochs, and evaluate it beside the others; 0 "
        "for none.",
        low=0,
    )
    embed_batch_size: int = setting(
        256, "Images embedded at once. Lower it if memory runs out; the metrics do not change.", low=1
    )
    seed: int = setting(
        0,
        "Decides every random choice of the evaluation: draws of labels, corruptions, views, bootstrap.",
        low=0,
        high=LARGEST_SEED,
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def measure_names(self) -> tuple[str, ...]:
        """The measures to take, in the order of `MEASURES`."""
        if self.measures is None:
            return QUICK_MEASURES
        wanted = listed(self.measures)
        return tuple(name for name in MEASURES if name in wanted or self.all_measures)

    @property
    def needs_labels(self) -> bool:
        """Whether any of the measures needs labels."""
        return self.measure_names != ("unlabeled",)

    @property
    def all_measures(self) -> bool:
        """Whether to take every measure that is possible, and to skip the others without an error."""
        return "all" in listed(self.measures or "")

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """The baselines to evaluate, in the order of `BASELINES`; `none` beside others is ignored."""
        return tuple(name for name in BASELINES if name in listed(self.baselines))

    @property
    def label_shares(self) -> tuple[float, ...]:
        """`label_percents` as shares in (0, 1], ascending."""
        return tuple(percent / 100 for percent in parse_numbers(self.label_percents))

    @property
    def sgd_rates(self) -> tuple[float, ...]:
        """`sgd_learning_rates` as numbers, ascending."""
        return parse_numbers(self.sgd_learning_rates)
