"""What is minimised."""

import dataclasses

from aag_tf.config.checks import require_choice, require_range

LOSS_FORMS = ("auto", "dense", "streaming")


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """GNT-Xent: see `aag_tf.losses.gnt_xent` for the formula that these symbols stand in."""

    temperature: float = 0.2
    coupling: float = 0.0
    aux_weight: float = 1.0
    aux_negatives: bool = True
    loss_form: str = "auto"

    def __post_init__(self) -> None:
        require_range("temperature", self.temperature, 0.0, 100.0, low_open=True)
        require_range("coupling", self.coupling, 0.0, 1.0)
        require_range("aux_weight", self.aux_weight, 0.0)
        require_choice("loss_form", self.loss_form, LOSS_FORMS)
