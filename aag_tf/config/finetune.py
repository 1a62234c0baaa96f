"""From which encoder and which labels a classifier is made, how, and where it goes."""

import dataclasses

from aag_tf.config.augment import AugmentConfig
from aag_tf.config.checks import parse_numbers, require
from aag_tf.config.data import check_named_images
from aag_tf.config.evaluate import EvaluateConfig
from aag_tf.config.layout import LayoutConfig
from aag_tf.config.optimizer import OptimizerConfig
from aag_tf.config.schedule import LARGEST_SEED
from aag_tf.config.setting import check_settings, setting, setting_of

AUGMENTATIONS = ("main", "crops", "none")
PIXEL_RANGES = ("0..255", "0..1", "-1..1", "imagenet")


@dataclasses.dataclass(frozen=True)
class TuningConfig:
    """Fine-tuning: how the classifier is trained, and what is chosen on held-out labels."""

    label_percent: float = setting(
        100.0,
        "Percentage of the labels to use, drawn by --seed from each class; below 100 to see what fewer labels would "
        "reach. The test split stays whole.",
        low=0.0,
        high=100.0,
        low_open=True,
    )
    held_out_fraction: float = setting(
        0.2,
        "Part of the labeled images, beside the test split, by which everything is chosen: learning rate, steps, "
        "temperature. Not used where the data set has a validation split of its own.",
        low=0.0,
        high=0.5,
        low_open=True,
    )
    learning_rates: str = setting(
        "0.0003,0.001,0.003",
        "Peak learning rates to try (AdamW, warm-up, cosine to zero), a training each; held-out labels choose.",
        low=0.0,
        low_open=True,
        several=True,
        if_empty="give learning rates, as in 0.0003,0.001",
    )
    steps: int | None = setting(
        None,
        "Most steps of a training. Default: 30 passes over the images to learn from, but 500 to 5000 steps.",
        low=1,
    )
    patience: int = setting(
        20,
        "End a training after so many looks at the held-out images without a better one. There are 20 looks in a "
        "training, so that 20 ends none early: the learning rate falls to the end, and the best look mostly comes "
        "last.",
        low=1,
    )
    batch_size: int = setting(64, "Number of images that each step learns from.", low=1, high=65_536)
    refit: bool = setting(
        True,
        "Once the held-out labels have chosen, learn from them too: train once more to the chosen step, at the chosen "
        "rate, on all labeled images beside the test split. --norefit keeps what was chosen as it is.",
    )
    balanced: bool = setting(
        True, "Show every class equally often, however many images it has; off, every image equally often."
    )
    augment: str = setting(
        "crops",
        "Views to learn from: crops (crops and flips of the main branch), main (its changes of color and blur too), or "
        "none (the images as they are). The main branch is that of the encoder's training, where that is known.",
        choices=AUGMENTATIONS,
    )
    flip: bool = setting(
        True,
        "Mirror half of the views left to right, unless the encoder's training switched that off; --noflip where a "
        "mirrored image is of another class.",
    )
    label_smoothing: float = setting(
        0.1, "Share of the target that is spread over all classes, against too much confidence.", low=0.0, high=0.5
    )
    ema_momentum: float = setting(
        0.99,
        "Momentum of the moving average of the weights, which is what becomes the classifier; 0 switches it off.",
        low=0.0,
        high=0.99999,
    )
    batch_statistics: bool = setting(
        False,
        "Let batch normalization use the statistics of each batch in the trainings from the encoder, and learn them "
        "anew; off, it keeps those of the encoder's training. From random weights it always learns them.",
    )
    layer_decay: float = setting(
        1.0,
        "Layers close to the images learn more slowly: the encoder's layers form 12 groups, of which the last has the "
        "whole learning rate, and each before it this factor of the next one's.",
        low=0.0,
        high=1.0,
        low_open=True,
    )
    weight_decay: float = setting(
        OptimizerConfig.weight_decay, "How strongly weights shrink toward zero; batch norm and biases do not.", low=0.0
    )
    precision: str = setting(
        "auto",
        "Arithmetic of the trainings: auto is mixed_bfloat16 where the hardware computes in it, otherwise float32. The "
        "classifier computes in float32.",
        choices=("auto", "float32", "mixed_bfloat16"),
    )
    scratch: bool = setting(
        True,
        "Train the same network from random weights too, with the same steps and choices, to show what the encoder is "
        "worth; --noscratch saves half of the time.",
    )
    seed: int = setting(
        0,
        "Decides every random choice: the draw of labels, order, views, random weights, bootstrap.",
        low=0,
        high=LARGEST_SEED,
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def rates(self) -> tuple[float, ...]:
        """`learning_rates` as numbers, ascending."""
        return parse_numbers(self.learning_rates)

    def views(self, own: AugmentConfig) -> AugmentConfig:
        """Returns the settings of the views to learn from.

        Args:
            own: those of the encoder's training, or the default ones.
        """
        views = dataclasses.replace(own, flip=own.flip and self.flip)
        if self.augment == "main":
            return views
        return dataclasses.replace(views, blur_probability=0.0, color_strength=0.0, grayscale_probability=0.0)


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """Classifier: from which encoder and which labels it is made, and where it goes.

    `dataset`, `data_dir` and `image_size` are `None` where those of the encoder's training are used.
    """

    init_from: str = setting(
        "",
        "The encoder to start from: a run directory, an export with a file for Keras (aag-export --formats=keras), or "
        "a .keras file.",
        if_empty="name a run directory, an export, or a .keras file",
        is_path=True,
    )
    dataset: str | None = setting(
        None,
        "The labeled images: folder:PATH, csv:FILE, list:FILE, tar:FILE, npz:FILE, tfds:NAME, pack:PATH or digits. "
        "They are brought to the size and channels that the encoder takes. Default: what it was trained on.",
        is_path=True,
    )
    output: str = setting(
        "",
        "Directory for the classifier, its metrics and its report. It must not hold anything yet.",
        if_empty="name the directory that the classifier may be written to",
        is_path=True,
        schemes=(),
    )
    data_dir: str | None = setting_of(EvaluateConfig, "data_dir")
    download: bool = setting_of(EvaluateConfig, "download")
    image_size: int | str | None = setting_of(EvaluateConfig, "image_size")
    input_range: str | None = setting(
        None,
        "Pixel values that the network of a .keras file expects; imagenet is (x / 255 - mean) / standard deviation of "
        "each RGB channel. Default: 0..255, as files of aag-export take them.",
        choices=PIXEL_RANGES,
    )
    resume: bool = setting(False, "Go on with an output that was stopped, by Ctrl-C or by kill -9.")
    overwrite: bool = setting(False, "Delete an earlier output of aag-finetune in the directory and start again.")
    report: bool = setting(True, "Draw report.html beside the metrics: confusion, calibration, training curves.")
    dry_run: bool = setting(
        False,
        "Say what would be done (classes, images of each, splits, trainings, what is chosen how), after every check "
        "that needs no training, and write nothing.",
    )
    layout: LayoutConfig = dataclasses.field(default_factory=LayoutConfig)
    tuning: TuningConfig = dataclasses.field(default_factory=TuningConfig)

    def __post_init__(self) -> None:
        check_settings(self)
        require(not (self.resume and self.overwrite), "--resume continues an output, --overwrite deletes it; give one.")
        check_named_images(self.dataset, self.layout)
        require(
            self.dataset is not None or not self.init_from.endswith(".keras"),
            "a .keras file does not say what it was trained on; name the labeled images with --dataset.",
        )
        require(
            self.input_range is None or self.init_from.endswith(".keras"),
            f"--input_range={self.input_range} is for a .keras file; leave it out, since a run and an export know "
            "their own.",
        )
