"""Optimizer: the step, and its learning rate over the run (linear warm-up, then a cosine to zero)."""

from absl import flags

from aag_tf.config import LR_SCALINGS, OPTIMIZERS, OptimizerConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `OptimizerConfig`."""
    default = OptimizerConfig()
    flags.DEFINE_enum(
        "optimizer",
        default.optimizer,
        OPTIMIZERS,
        "adamw needs the least tuning; sgd (with momentum) is the usual choice for ResNets and long runs; lars is for "
        "batches of 1024 and more.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "learning_rate",
        default.learning_rate,
        "Rate after warm-up, above 0. The default is tuned for adamw and the encoder tiny; try 0.001 to 0.003 for "
        "adamw and a ResNet, 0.03 to 0.1 for sgd, 0.3 to 1 for lars; halve it if the loss jumps.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "lr_scaling",
        default.lr_scaling,
        LR_SCALINGS,
        "Multiply --learning_rate by batch / 256 (linear), by its root (sqrt), or leave it as given (none). With one "
        "of the first two the batch size may change and the rest stay; the rate is then that of a batch of 256: "
        "--learning_rate=0.007 --lr_scaling=sqrt is the default rate of 0.0035 at a batch of 64.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "warmup_fraction",
        default.warmup_fraction,
        "Part of the run over which the learning rate rises from zero, 0 to 0.9.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "weight_decay",
        default.weight_decay,
        "Pull of the weights toward zero, 0 or more; batch norm and biases are left out. Usual: 0.0001 to 0.05 for "
        "adamw, 0.0001 to 0.0005 for sgd, 0.000001 for lars.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "momentum",
        default.momentum,
        "Momentum of sgd and lars, 0 to 0.9999; adamw has its own.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "ema_momentum",
        default.ema_momentum,
        "Judge and export a moving average of the encoder's weights with this momentum, 0 to 0.99999; 0 switches it "
        "off. Usual: 0.99 for short runs, 0.999 or 0.9999 for long ones.",
        flag_values=flag_values,
    )
