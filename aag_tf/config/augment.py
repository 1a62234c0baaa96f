"""How views are drawn."""

import dataclasses

from aag_tf.config.model import OWN
from aag_tf.config.setting import check_settings, setting

# Presets of `aag_tf.augment` by name, repeated here because settings are checked before TensorFlow is imported (a test
# compares the two), and the ways of doing without a preset.
AUXILIARIES = ("default", "randaugment", "cutout", "geometric", "main", "none", OWN)
CROPS_FROM = ("auto", "image", "source")
MAIN_VIEWS = 2
LARGEST_STRENGTH = 2.0


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """Views: how two main views and the auxiliary ones are drawn from an image."""

    aux: str = setting(
        "default",
        "Auxiliary branch, the wider distribution that the third view comes from: a preset (aag-augment shows what it "
        "does to your images), main for more views of the main branch, or none for its two views only (SimCLR's "
        "setting, a third less work a step). own is what a run records for a branch that was passed to train() in "
        "Python.",
        choices=AUXILIARIES,
    )
    aux_views: int = setting(
        1,
        "Auxiliary views of each image. Every one costs another encoder pass; with a small --aux_size a cheap one.",
        low=1,
        high=12,
    )
    aux_size: int | None = setting(
        None,
        "Pixels of the shorter side of auxiliary views; the other has the image's aspect. Half the side is a "
        "quarter of the encoder's work. Default: the size of the main views.",
        low=8,
        high=1024,
    )
    aux_strength: float = setting(
        1.0,
        "How far the auxiliary operations go: 0 none, 1 as the preset says, 2 twice as far. Lower it if auxiliary "
        "views in TensorBoard's grid can no longer be recognized.",
        low=0.0,
        high=LARGEST_STRENGTH,
    )
    crop_min_area: float = setting(
        0.2,
        "Smallest part of an image that a main view may show. SimCLR: 0.08. Raise it where small crops lose the "
        "subject (digits, centered objects).",
        low=0.0,
        high=1.0,
        low_open=True,
    )
    color_strength: float = setting(
        0.5,
        "Strength of brightness, contrast, saturation and hue jitter in main views. SimCLR on CIFAR: 0.5. Lower it "
        "where color itself tells classes apart.",
        low=0.0,
        high=1.0,
    )
    grayscale_probability: float = setting(
        0.2,
        "Share of main views that lose their color; without effect where images do not have three channels.",
        low=0.0,
        high=1.0,
    )
    flip: bool = setting(
        True,
        "Mirror half of the views left to right. Use --noflip where left and right differ (digits, letters, signs).",
    )
    blur_probability: float | None = setting(
        None,
        "Share of main views that are blurred. Default: 0.5 for large images, 0 for small ones, where blur leaves too "
        "little to see.",
        low=0.0,
        high=1.0,
    )
    augment_impl: str = setting(
        "fused",
        "fused: whole batches at once, many times faster and repeatable from --seed. keras_cv: keras-cv's own layers, "
        "the reference to compare with.",
        choices=("fused", "keras_cv"),
    )
    augment_on: str = setting(
        "device",
        "Where views are made: device (in the train step, beside the encoder) or host (in the input pipeline, on CPU "
        "cores that a busy GPU leaves idle).",
        choices=("device", "host"),
        resumable=True,
    )

    crop_from: str = setting(
        "auto",
        "What views are cut from: image, the picture after it was brought to --image_size (kept in memory where all "
        "fit); source, the picture itself in its full resolution and shape, read from its file in every epoch. auto: "
        "source for photographs (8-bit gray or RGB files of one page) with more than twice the pixels of a view, or "
        "with any more in a pack made with --side.",
        choices=CROPS_FROM,
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def num_aux_views(self) -> int:
        """Auxiliary views of one image: `aux_views`, and 0 where `aux` is `none`."""
        return 0 if self.aux == "none" else self.aux_views

    @property
    def num_views(self) -> int:
        """Main and auxiliary views of one image."""
        return MAIN_VIEWS + self.num_aux_views
