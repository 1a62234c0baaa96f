"""Augmentation: the main branch, the auxiliary branch, and the layer that draws all views of a batch."""

from aag_tf.augment.auxiliary_branch import AuxiliaryBranch
from aag_tf.augment.branch import Branch, strip_ignored_keys
from aag_tf.augment.build import build_views
from aag_tf.augment.layers_branch import LayersBranch
from aag_tf.augment.main_branch import MainBranch
from aag_tf.augment.presets import PRESETS, Preset
from aag_tf.augment.views import ViewMaker

__all__ = [
    "PRESETS",
    "AuxiliaryBranch",
    "Branch",
    "LayersBranch",
    "MainBranch",
    "Preset",
    "ViewMaker",
    "build_views",
    "strip_ignored_keys",
]
