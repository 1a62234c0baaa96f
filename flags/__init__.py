"""The command line: absl flags in, frozen dataclasses out; nothing here imports TensorFlow."""

from aag_tf.flags.command_line import CONCERNS, config_from_flags, define, parse
from aag_tf.flags.recipe import recipes

__all__ = ["CONCERNS", "config_from_flags", "define", "parse", "recipes"]
