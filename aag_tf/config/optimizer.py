"""How weights are moved."""

import dataclasses

from aag_tf.config.checks import require_choice, require_range

OPTIMIZERS = ("adamw", "sgd", "lars")
LR_SCALINGS = ("none", "linear", "sqrt")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer and its learning rate over time (linear warm-up, then a cosine to zero)."""

    optimizer: str = "adamw"
    learning_rate: float = 3.5e-3
    lr_scaling: str = "none"
    warmup_fraction: float = 0.05
    weight_decay: float = 1e-4
    momentum: float = 0.9
    ema_momentum: float = 0.0

    def __post_init__(self) -> None:
        require_choice("optimizer", self.optimizer, OPTIMIZERS)
        require_range("learning_rate", self.learning_rate, 0.0, low_open=True)
        require_choice("lr_scaling", self.lr_scaling, LR_SCALINGS)
        require_range("warmup_fraction", self.warmup_fraction, 0.0, 0.9)
        require_range("weight_decay", self.weight_decay, 0.0)
        require_range("momentum", self.momentum, 0.0, 0.9999)
        require_range("ema_momentum", self.ema_momentum, 0.0, 0.99999)
