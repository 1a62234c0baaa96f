"""A training of a classifier that is to be tried, and how it went."""

import dataclasses
import math
from pathlib import Path
from typing import Self

from aag_tf.utils.errors import FinetuneError, one_line
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import read_json_object

LOOKS = 20  # at the held-out images in a training, beside that before its first step
BEST_FILE, RESULT_FILE = "best.keras", "result.json"
FROM_ENCODER, FROM_RANDOM = "encoder", "random"


@dataclasses.dataclass(frozen=True)
class Trial:
    """What is trained, and how.

    Args:
        start: `encoder` or `random`: the weights that it starts from.
        learning_rate: at its peak.
        steps: of its schedule.
        refit_to: with the held-out images too, to this step of the schedule; `None` chooses by them.
    """

    start: str
    learning_rate: float
    steps: int
    refit_to: int | None = None

    @property
    def name(self) -> str:
        """Name of its directory."""
        return f"{self.start}-{self.learning_rate:g}{'' if self.refit_to is None else '-refit'}"

    @property
    def title(self) -> str:
        """What people are told."""
        origin = "fine-tuning" if self.start == FROM_ENCODER else "from random weights"
        return f"{origin} at {self.learning_rate:g}{'' if self.refit_to is None else ', held-out images too'}"

    @property
    def last_step(self) -> int:
        """The step that it ends with at the latest."""
        return self.steps if self.refit_to is None else self.refit_to

    @property
    def steps_between_looks(self) -> int:
        """Steps from one look at the held-out images to the next."""
        return max(1, math.ceil(self.steps / LOOKS))


def damaged(file: Path, error: ValueError) -> FinetuneError:
    """Returns what to raise where a file of an earlier process cannot be read."""
    return FinetuneError(f"{file} is damaged ({one_line(error, 200)}); start again with --overwrite.")


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """How a training went.

    Args:
        start, learning_rate, steps: of the trial.
        steps_done: fewer than `steps` where it was ended early.
        best_step: whose weights are the best on held-out images; 0 is before the first step.
        cross_entropy, accuracy, balanced_accuracy: on held-out images at that step.
        diverged: whether it ended since its loss was not finite.
        seconds: that its last process took.
    """

    start: str
    learning_rate: float
    steps: int
    steps_done: int
    best_step: int
    cross_entropy: float
    accuracy: float
    balanced_accuracy: float
    diverged: bool
    seconds: float

    @property
    def trial(self) -> Trial:
        """What was trained."""
        return Trial(self.start, self.learning_rate, self.steps)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Reads what an earlier process wrote.

        Raises:
            FinetuneError: the file is damaged.
        """
        try:
            return read_fields(cls, read_json_object(file))
        except ValueError as error:
            raise damaged(file, error) from error
