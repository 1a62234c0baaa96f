"""Builds the layer that draws views from the settings."""

from typing import Any

from aag_tf.augment.auxiliary_branch import AuxiliaryBranch
from aag_tf.augment.branch import Branch
from aag_tf.augment.main_branch import MainBranch
from aag_tf.augment.views import ViewMaker
from aag_tf.config import OWN, AugmentConfig
from aag_tf.utils.errors import ConfigError


def build_views(
    config: AugmentConfig,
    image_shape: tuple[int, int, int],
    *,
    auxiliary: Branch | None = None,
    jit_compile: bool = True,
) -> ViewMaker:
    """Returns the layer that draws the views of images of one shape.

    Args:
        config: settings of the branches.
        image_shape: `(height, width, channels)` of images and views.
        auxiliary: custom branch for the auxiliary views, instead of the preset that `config.aux` names.
        jit_compile: whether XLA compiles the fused branches.

    Raises:
        ConfigError: `auxiliary` is given although `config.aux` is `none` or its views have a size, or missing although
            it is `own`; auxiliary views would be larger than images; or the branches of keras-cv are asked for, and
            images have neither one nor three channels.
    """
    if config.augment_impl == "keras_cv" and image_shape[2] not in (1, 3):
        raise ConfigError(
            f"the images have {image_shape[2]} channels, and keras-cv's layers take gray or RGB images only; use "
            "--augment_impl=fused, or choose one or three with --channels."
        )
    arguments: dict[str, Any] = {
        "crop_min_area": config.crop_min_area,
        "color_strength": config.color_strength,
        "grayscale_probability": config.grayscale_probability,
        "flip": config.flip,
        "blur_probability": config.blur_probability,
        "jit_compile": jit_compile,
    }
    main_branch: type[MainBranch] = MainBranch
    auxiliary_branch: type[AuxiliaryBranch] = AuxiliaryBranch
    if config.augment_impl == "keras_cv":
        from aag_tf.augment.keras_cv_branch import KerasCVAuxiliaryBranch, KerasCVMainBranch

        main_branch, auxiliary_branch = KerasCVMainBranch, KerasCVAuxiliaryBranch
        arguments |= {"size": image_shape[:2], "channels": image_shape[2]}
    main = main_branch(**arguments, name="main")
    if auxiliary is not None:
        if config.aux == "none":
            raise ConfigError("--aux=none means no auxiliary views, but a branch for them was given; leave out one.")
        if config.aux_size is not None:
            raise ConfigError(
                f"--aux_size={config.aux_size} is the size of a preset's views, and a branch for them was given; leave "
                f"it out, and give the branch size=({config.aux_size}, {config.aux_size})."
            )
    elif config.aux == OWN:
        raise ConfigError(
            f"--aux={OWN} is what a run records if a custom branch was given to train(); pass that branch again."
        )
    elif config.aux == "main" and config.aux_size is None:
        auxiliary = main
    elif config.aux != "none":
        if config.aux_size is not None:
            arguments |= {"size": _size_of_views(config.aux_size, image_shape)}
        if config.aux == "main":
            auxiliary = main_branch(**arguments, name="auxiliary")
        else:
            auxiliary = auxiliary_branch(config.aux, config.aux_strength, **arguments, name="auxiliary")
    return ViewMaker(main, auxiliary, config.num_aux_views, name="views")


def _size_of_views(side: int, image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Height and width of views whose shorter side is given, of the aspect of images."""
    height, width, _ = image_shape
    shorter = min(height, width)
    if side > shorter:
        raise ConfigError(
            f"--aux_size={side} is larger than the images, whose shorter side has {shorter} pixels; give {shorter} or "
            "less, or set a larger --image_size."
        )
    return round(height * side / shorter), round(width * side / shorter)
