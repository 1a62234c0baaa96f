"""The command line: absl flags in, frozen dataclasses out; nothing here imports TensorFlow."""

from aag_tf.flags.command_line import parse
from aag_tf.flags.definitions import define
from aag_tf.flags.recipe import recipes

__all__ = ["define", "parse", "recipes"]
