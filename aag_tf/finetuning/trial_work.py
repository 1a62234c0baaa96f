"""What a training of a classifier is made from."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras

from aag_tf.config import TuningConfig
from aag_tf.finetuning.network import Head
from aag_tf.finetuning.trial import RESULT_FILE, Trial
from aag_tf.finetuning.trial_steps import TrialImages


@dataclasses.dataclass(frozen=True, eq=False)
class TrialWork:
    """A training to be done, or to go on with.

    Args:
        trial: what is trained.
        build: returns an encoder and a classifier that shares its layers, newly built under a dtype policy.
        images: to learn from, and to choose by.
        tuning: how.
        directory: of this training.
        head: weights of the linear layer to start from; zeros by default.
        policy: dtype policy of what is trained; what is measured and kept is float32.
    """

    trial: Trial
    build: Callable[[str], tuple[keras.Model, keras.Model]]
    images: TrialImages
    tuning: TuningConfig
    directory: Path
    head: Head | None = None
    policy: str = "float32"

    @property
    def result_file(self) -> Path:
        """What is written in the end."""
        return self.directory / RESULT_FILE
