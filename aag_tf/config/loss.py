"""What is minimized."""

import dataclasses
import math

from aag_tf.config.checks import require
from aag_tf.config.setting import check_settings, setting

LEARNED_TEMPERATURE_MAXIMUM = 1.0  # above it all negatives count alike

LARGEST_EXPONENT = 30  # of a loss of RINCE: squares of gradients must stay far below float32's largest number, 3e38


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Loss: GNT-Xent, which pulls the views of an image together and pushes other images away."""

    temperature: float = setting(
        0.17,
        "Divides similarities; 0.1 to 0.5 is usual. Lower looks at the nearest negatives only, higher at all of them "
        "alike. Tune it first: no other setting of the loss matters as much.",
        low=0.0,
        high=100.0,
        low_open=True,
    )
    learn_temperature: bool = setting(
        False,
        "Train the temperature with the networks, starting at --temperature, between --temperature_minimum and "
        f"{LEARNED_TEMPERATURE_MAXIMUM:g}. With --coupling=0 the loss rewards ever lower temperatures, so that it soon "
        "reaches its minimum.",
    )
    temperature_minimum: float = setting(
        0.05,
        "Lowest value that a learned temperature may take.",
        low=0.0,
        high=LEARNED_TEMPERATURE_MAXIMUM,
        low_open=True,
    )
    coupling: float = setting(
        0.0,
        "Share of the positive pair in its own denominator. 0: GNT-Xent, whose gradient stays constant, which keeps "
        "small batches learning. 1: SimCLR's NT-Xent, whose gradient fades once a batch is solved.",
        low=0.0,
        high=1.0,
    )
    aux_weight: float = setting(
        1.0, "Weight of pairs that join a main and an auxiliary view; main pairs weigh 1.", low=0.0
    )
    aux_negatives: bool = setting(
        True, "Push away from the auxiliary views of other images too, and not from their main views only."
    )
    positives: str = setting(
        "pairs",
        "Softmax of the other views of an image. pairs: each has its own. All in one, as in SupCon: out (the mean of "
        "their losses; needs --coupling above 0) or in (the loss of their mean, which lets the nearest lead). With two "
        "views all are the same.",
        choices=("pairs", "out", "in"),
    )
    dclw_sigma: float = setting(
        0.0,
        "Weight positive pairs that are farther apart than others more, as DCLW does; 0.5 is usual, smaller is "
        "sharper, 0 is off. Needs --coupling=0 and --positives=pairs.",
        low=0.0,
        high=100.0,
    )
    rince_q: float = setting(
        0.0,
        "RINCE, for views that may show different things: above 0, positives that stay far apart pull less; 0.1 to 0.5 "
        "is usual. 0: the logarithmic loss.",
        low=0.0,
        high=1.0,
    )
    rince_lambda: float = setting(
        0.01,
        "Weight of the denominator where --rince_q is above 0; smaller pulls positives more and pushes negatives less.",
        low=0.0,
        high=1.0,
        low_open=True,
    )
    normalization_gradient: str = setting(
        "exact",
        "How the gradient passes through the normalization of projections. exact: divided by their norm, so that long "
        "projections learn slowly. unscaled: not divided.",
        choices=("exact", "unscaled"),
    )
    loss_form: str = setting(
        "auto",
        "How the same value is computed: dense (all similarities in memory), streaming (block by block, flat memory "
        "for huge batches) or auto (by size).",
        choices=("auto", "dense", "streaming"),
        resumable=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        require(
            not self.learn_temperature or self.temperature_minimum <= self.temperature <= LEARNED_TEMPERATURE_MAXIMUM,
            f"--learn_temperature starts at --temperature={self.temperature:g}, which is not between "
            f"--temperature_minimum={self.temperature_minimum:g} and {LEARNED_TEMPERATURE_MAXIMUM:g}; "
            "move one of them.",
        )
        check_loss_combination(self.coupling, self.positives, self.dclw_sigma, self.rince_q)
        lowest = "temperature_minimum" if self.learn_temperature else "temperature"
        temperature, enough = getattr(self, lowest), math.ceil(1000 * self.rince_q / LARGEST_EXPONENT) / 1000
        require(
            temperature >= enough,
            f"--rince_q={self.rince_q:g} overflows at --{lowest}={temperature:g}, since its terms are up to "
            f"exp({self.rince_q / temperature:.0f}); lower --rince_q, or raise --{lowest} to {enough:g} or more.",
        )


def check_loss_combination(
    coupling: float, positives: str, dclw_sigma: float, rince_q: float, *, prefix: str = "--"
) -> None:
    """Refuses settings of the loss that do not go together; their names in the message begin with `prefix`.

    Raises:
        ConfigError: they do not.
    """
    require(
        positives != "out" or coupling > 0,
        f"{prefix}positives=out is {prefix}positives=pairs at {prefix}coupling=0, where no positive is in the "
        f"denominator; add {prefix}coupling=1, as in SupCon, or leave it out.",
    )
    if dclw_sigma > 0:
        others = [f"{prefix}coupling={coupling:g}"] * (coupling > 0)
        others += [f"{prefix}positives={positives}"] * (positives != "pairs")
        others += [f"{prefix}rince_q={rince_q:g}"] * (rince_q > 0)
        require(
            not others,
            f"{prefix}dclw_sigma={dclw_sigma:g} weights single positives in a logarithmic loss without coupling "
            f"and cannot be combined with {' and '.join(others)}; leave out the one or the other.",
        )
