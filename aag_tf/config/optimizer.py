"""How weights are moved."""

import dataclasses

from aag_tf.config.setting import check_settings, setting


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Optimizer: the step, and its learning rate over the run (linear warm-up, then a cosine to zero)."""

    optimizer: str = setting(
        "adamw",
        "adamw needs the least tuning; sgd (with momentum) is the usual choice for ResNets and long runs; lars is for "
        "batches of 1024 and more.",
        choices=("adamw", "sgd", "lars"),
    )
    learning_rate: float = setting(
        3.5e-3,
        "Rate after warm-up. The default is tuned for adamw and the encoder tiny; try 0.001 to 0.003 for adamw and a "
        "ResNet, 0.03 to 0.1 for sgd, 0.3 to 1 for lars; halve it if the loss jumps.",
        low=0.0,
        low_open=True,
    )
    lr_scaling: str = setting(
        "none",
        "Multiply --learning_rate by batch / 256 (linear), by its root (sqrt), or leave it as given (none). With one "
        "of the first two the batch size may change and the rest stay; the rate is then that of a batch of 256: "
        "--learning_rate=0.007 --lr_scaling=sqrt is the default rate of 0.0035 at a batch of 64.",
        choices=("none", "linear", "sqrt"),
    )
    warmup_fraction: float = setting(
        0.05, "Part of the run over which the learning rate rises from zero.", low=0.0, high=0.9
    )
    weight_decay: float = setting(
        1e-4,
        "How strongly weights shrink toward zero; batch norm and biases are left out. Usual: 0.0001 to 0.05 for adamw, "
        "0.0001 to 0.0005 for sgd, 0.000001 for lars.",
        low=0.0,
    )
    momentum: float = setting(0.9, "Momentum of sgd and lars; adamw has its own.", low=0.0, high=0.9999)
    ema_momentum: float = setting(
        0.0,
        "Evaluate and export a moving average of the encoder's weights with this momentum; 0 switches it off. Usual: "
        "0.99 for short runs, 0.999 or 0.9999 for long ones.",
        low=0.0,
        high=0.99999,
    )

    def __post_init__(self) -> None:
        check_settings(self)
