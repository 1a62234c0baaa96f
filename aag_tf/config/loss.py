"""What is minimized."""

import dataclasses

from aag_tf.config.checks import require
from aag_tf.config.setting import check_settings, setting

LEARNED_TEMPERATURE_MAXIMUM = 1.0  # above it all negatives count alike


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
