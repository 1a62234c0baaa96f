"""How weights are moved."""

import dataclasses
from collections.abc import Mapping

from aag_tf.config.checks import require
from aag_tf.config.setting import check_settings, setting

COSINE, WSD = "cosine", "wsd"
LEARNING_RATES = {"adamw": 0.0035, "muon": 0.02, "sgd": 0.03, "lars": 0.3}  # where none is given


def _listed(rates: Mapping[str, float]) -> str:
    """Returns rates in words, such as `0.1 for sgd, 0.3 for lars`."""
    return ", ".join(f"{rate:g} for {optimizer}" for optimizer, rate in rates.items())


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Optimizer: the step, and its learning rate over the run (a linear warm-up, then the schedule)."""

    optimizer: str = setting(
        "adamw",
        "adamw needs the least tuning; muon orthogonalizes the steps of kernels; sgd (with momentum) is the usual "
        "choice for ResNets and long runs; lars is for batches of 1024 and more.",
        choices=tuple(LEARNING_RATES),
    )
    learning_rate: float | None = setting(
        None,
        f"Rate after warm-up. Default: {_listed(LEARNING_RATES)}; those of adamw and muon are tuned for the encoder "
        "tiny. Try 0.001 to 0.003 for adamw and a ResNet, 0.01 to 0.04 for muon, 0.03 to 0.1 for sgd, 0.3 to 1 for "
        "lars; halve it if the loss jumps.",
        low=0.0,
        low_open=True,
    )
    lr_scaling: str = setting(
        "none",
        "Multiply --learning_rate by batch / 256 (linear), by its root (sqrt), or leave it as given (none). With one "
        "of the first two the batch size may change and the rest stay; the rate is then that of a batch of 256: "
        "--learning_rate=0.007 --lr_scaling=sqrt is adamw's default of 0.0035 at a batch of 64.",
        choices=("none", "linear", "sqrt"),
    )
    lr_schedule: str = setting(
        COSINE,
        "The learning rate after warm-up: cosine falls to zero over the whole run; wsd (warm-up, stable, decay) stays "
        "constant and falls to zero over the last --decay_fraction, so that the run can be made longer with --extend.",
        choices=(COSINE, WSD),
    )
    warmup_fraction: float = setting(
        0.05, "Part of the run over which the learning rate rises from zero.", low=0.0, high=0.9
    )
    warmup_steps: int | None = setting(
        None,
        "Steps over which the learning rate rises from zero; replaces --warmup_fraction, so that runs of different "
        "lengths begin alike.",
        low=0,
    )
    decay_fraction: float = setting(
        0.2, "Part of the run, at its end, over which the learning rate of wsd falls to zero.", low=0.0, high=0.9
    )
    weight_decay: float = setting(
        1e-4,
        "How strongly weights shrink toward zero; batch norm and biases are left out. Usual: 0.0001 to 0.05 for adamw "
        "and muon, 0.0001 to 0.0005 for sgd, 0.000001 for lars.",
        low=0.0,
    )
    momentum: float = setting(0.9, "Momentum of muon, sgd and lars; adamw has its own.", low=0.0, high=0.9999)
    ema_momentum: float = setting(
        0.0,
        "Evaluate and export a moving average of the encoder's weights with this momentum; 0 switches it off. Usual: "
        "0.99 for short runs, 0.999 or 0.9999 for long ones.",
        low=0.0,
        high=0.99999,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.learning_rate is None:  # a run records the rate that it has
            object.__setattr__(self, "learning_rate", LEARNING_RATES[self.optimizer])
        require(
            self.lr_schedule != WSD or self.warmup_steps is not None or self.warmup_fraction + self.decay_fraction <= 1,
            f"--warmup_fraction={self.warmup_fraction:g} and --decay_fraction={self.decay_fraction:g} are more than "
            "the whole run; lower one of them.",
        )

    @property
    def rate(self) -> float:
        """The learning rate that was given, or the default of the optimizer."""
        assert self.learning_rate is not None
        return self.learning_rate

    def warmup(self, total_steps: int) -> int:
        """Returns the steps of the warm-up in a run of so many.

        Raises:
            ConfigError: `warmup_steps` do not fit before the end of the run, or before its decay.
        """
        end = total_steps - 1 if self.lr_schedule == COSINE else self.constant_until(total_steps)
        assert end is not None
        if self.warmup_steps is None:
            return min(round(self.warmup_fraction * total_steps), end)
        until = "its last step" if self.lr_schedule == COSINE else f"step {end}, where it begins to decay"
        require(
            self.warmup_steps <= end,
            f"--warmup_steps={self.warmup_steps} does not end before {until}, in a run of {total_steps} steps "
            "(--train_steps, --epochs); lower it, or train longer.",
        )
        return self.warmup_steps

    def constant_until(self, total_steps: int) -> int | None:
        """Returns the step after which the learning rate of wsd falls, in a run of so many; `None` for a cosine."""
        if self.lr_schedule == COSINE:
            return None
        return total_steps - max(round(self.decay_fraction * total_steps), 1)
