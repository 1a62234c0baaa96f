"""How views are drawn."""

import dataclasses

from aag_tf.config.checks import require_choice, require_range
from aag_tf.config.model import OWN

AUGMENT_IMPLEMENTATIONS = ("fused", "keras_cv")
AUGMENT_PLACES = ("device", "host")
# The presets of `aag_tf.augment` by name, here because settings are checked before TensorFlow is there (a test holds
# them together), and the ways of doing without a preset.
AUXILIARIES = ("default", "randaugment", "cutout", "geometric", "main", "none", OWN)
MAIN_VIEWS = 2


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """The two branches: how views are drawn from an image.

    `aux` names a preset of the auxiliary branch (`aag_tf.augment.PRESETS`); `none` gives the two-view method and
    `main` draws the extra views from the main branch; `own` is what a run notes of a branch that was handed to it.
    """

    aux: str = "default"
    aux_views: int = 1
    aux_strength: float = 1.0
    crop_min_area: float = 0.2
    color_strength: float = 0.5
    grayscale_probability: float = 0.2
    flip: bool = True
    blur_probability: float | None = None
    augment_impl: str = "fused"
    augment_on: str = "device"

    def __post_init__(self) -> None:
        require_choice("aux", self.aux, AUXILIARIES)
        require_range("aux_views", self.aux_views, 1, 6)
        require_range("aux_strength", self.aux_strength, 0.0, 2.0)
        require_range("crop_min_area", self.crop_min_area, 0.0, 1.0, low_open=True)
        require_range("color_strength", self.color_strength, 0.0, 1.0)
        require_range("grayscale_probability", self.grayscale_probability, 0.0, 1.0)
        if self.blur_probability is not None:
            require_range("blur_probability", self.blur_probability, 0.0, 1.0)
        require_choice("augment_impl", self.augment_impl, AUGMENT_IMPLEMENTATIONS)
        require_choice("augment_on", self.augment_on, AUGMENT_PLACES)

    @property
    def num_aux_views(self) -> int:
        """Auxiliary views of one image: `aux_views`, and 0 where `aux` is `none`."""
        return 0 if self.aux == "none" else self.aux_views

    @property
    def num_views(self) -> int:
        """Views of one image: two main ones, and the auxiliary ones."""
        return MAIN_VIEWS + self.num_aux_views
