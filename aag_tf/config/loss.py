"""What is minimized."""

import dataclasses

from aag_tf.config.checks import require, require_choice, require_range

LEARNED_TEMPERATURE_MAXIMUM = 1.0  # above it all negatives count alike
LOSS_FORMS = ("auto", "dense", "streaming")


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """GNT-Xent: see `aag_tf.losses.gnt_xent` for the formula that these symbols stand in."""

    temperature: float = 0.17
    learn_temperature: bool = False
    temperature_minimum: float = 0.05
    coupling: float = 0.0
    aux_weight: float = 1.0
    aux_negatives: bool = True
    loss_form: str = "auto"

    def __post_init__(self) -> None:
        require_range("temperature", self.temperature, 0.0, 100.0, low_open=True)
        require_range("temperature_minimum", self.temperature_minimum, 0.0, LEARNED_TEMPERATURE_MAXIMUM, low_open=True)
        require(
            not self.learn_temperature or self.temperature_minimum <= self.temperature <= LEARNED_TEMPERATURE_MAXIMUM,
            f"--learn_temperature starts at --temperature={self.temperature:g}, which is not between "
            f"--temperature_minimum={self.temperature_minimum:g} and {LEARNED_TEMPERATURE_MAXIMUM:g}; "
            "move one of them.",
        )
        require_range("coupling", self.coupling, 0.0, 1.0)
        require_range("aux_weight", self.aux_weight, 0.0)
        require_choice("loss_form", self.loss_form, LOSS_FORMS)
