"""The layers of an encoder from its images on: which to freeze, and which to train more slowly."""

import difflib
from collections.abc import Iterator

import keras

from aag_tf.utils.errors import ConfigError

GROUPS = 12  # as Liu et al. 2022 (ConvNeXt) divide their networks for layer-wise decay


def layers_in_order(network: keras.Model) -> Iterator[keras.Layer]:
    """Yields the layers from the images on, those of models within the network in their place."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from layers_in_order(layer)
        else:
            yield layer


def freeze(network: keras.Model, until: str | float) -> None:
    """Freezes the first layers: their weights are not trained, and batch normalization uses its moving statistics.

    Args:
        network: the encoder; set before it is compiled.
        until: name of the last layer to freeze, or the share of the layers with weights.

    Raises:
        ConfigError: there is no such layer.
    """
    layers = list(layers_in_order(network))
    if isinstance(until, str):
        names = [layer.name for layer in layers]
        if until not in names:
            near = difflib.get_close_matches(until, names, n=3, cutoff=0.5) or names[-3:]
            raise ConfigError(
                f"--freeze_until={until} is no layer of this encoder; name one, such as {', '.join(near)}, or give a "
                "share, such as 0.5."
            )
        frozen = layers[: names.index(until) + 1]
    else:
        weighted = [layer for layer in layers if layer.weights]
        frozen = weighted[: round(until * len(weighted))]
    for layer in frozen:
        layer.trainable = False


def rate_factors(network: keras.Model, decay: float) -> list[float]:
    """Returns the factor of the learning rate for each of `network.trainable_variables`.

    The layers with weights form 12 groups of equal size, one each where there are fewer. The last group has the factor
    1, and each before it `decay` times that of the next (layer-wise decay: Clark et al. 2020, ELECTRA; Bao et al. 2022,
    BEiT).

    Args:
        network: the encoder.
        decay: in (0, 1]; 1 for the same rate everywhere.
    """
    weighted = [layer for layer in layers_in_order(network) if layer.weights]
    groups = min(GROUPS, len(weighted))
    factors: dict[int, float] = {}
    for position, layer in enumerate(weighted):
        group = position * groups // len(weighted)
        factors |= {id(weight): decay ** (groups - 1 - group) for weight in layer.weights}
    return [factors[id(weight)] for weight in network.trainable_variables]
