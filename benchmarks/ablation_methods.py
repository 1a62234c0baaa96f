"""The methods that the study compares, the variations of AAG, and the settings that every method tries."""

import math
from collections.abc import Sequence

import numpy as np

METHODS: dict[str, tuple[str, ...]] = {
    "SimCLR, two views κ=1": ("--aux=none", "--coupling=1"),
    "two views κ=0": ("--aux=none", "--coupling=0"),
    "three main views κ=0": ("--aux=main", "--coupling=0"),
    "AAG κ=1": ("--aux=default", "--coupling=1"),
    "AAG κ=0": ("--aux=default", "--coupling=0"),
}
SIMCLR = "SimCLR, two views κ=1"
AAG = ("AAG κ=1", "AAG κ=0")

FORMER_DEFAULTS = ("--temperature=0.2", "--learning_rate=0.002", "--color_strength=0.5")

AROUND: dict[str, tuple[str, ...]] = {
    "aux=main": ("--aux=main",),
    "aux=cutout": ("--aux=cutout",),
    "aux=geometric": ("--aux=geometric",),
    "aux=randaugment": ("--aux=randaugment",),
    "aux_strength=0.5": ("--aux_strength=0.5",),
    "aux_strength=1.5": ("--aux_strength=1.5",),
    "aux_weight=0.5": ("--aux_weight=0.5",),
    "aux_weight=2": ("--aux_weight=2",),
    "noaux_negatives": ("--noaux_negatives",),
    "coupling=0.1": ("--coupling=0.1",),
    "coupling=0.5": ("--coupling=0.5",),
    "aux_views=2": ("--aux_views=2",),
    # The package's former defaults instead of tuned settings, the effect of each of them, and the new defaults.
    "former_defaults": FORMER_DEFAULTS,
    "former_defaults, temperature=0.15": (*FORMER_DEFAULTS, "--temperature=0.15"),
    "former_defaults, learning_rate=0.0042": (*FORMER_DEFAULTS, "--learning_rate=0.0042"),
    "defaults": ("--temperature=0.17", "--learning_rate=0.0035", "--color_strength=0.5"),
}

# Ranges of the trials, each on a logarithmic scale. The learning rate is for a batch of 64 and grows with the square
# root of the batch size, to match the noise of Adam's steps.
TEMPERATURES = (0.07, 0.6)
LEARNING_RATES = (7e-4, 5e-3)
COLOR_STRENGTHS = (0.25, 1.0)
REFERENCE_BATCH = 64


def trial_settings(trials: int) -> list[tuple[float, float, float]]:
    """Returns (temperature, learning rate at batch 64, color strength) of every trial, the same for every method.

    A Latin hypercube: each range is divided into one stratum per trial, and each stratum is used once.
    """
    rng = np.random.default_rng(0)
    columns = [(rng.permutation(trials) + 0.5) / trials for _ in range(3)]
    ranges = (TEMPERATURES, LEARNING_RATES, COLOR_STRENGTHS)
    values = [
        [float(f"{math.exp(math.log(low) + u * math.log(high / low)):.2g}") for u in column]
        for (low, high), column in zip(ranges, columns, strict=True)
    ]
    return list(zip(*values, strict=True))


def num_views(flags: Sequence[str]) -> int:
    """Returns the number of views per image under these flags; later flags override earlier ones."""
    values = dict(flag.removeprefix("--").partition("=")[::2] for flag in flags)
    return 2 if values.get("aux") == "none" else 2 + int(values.get("aux_views", 1))
