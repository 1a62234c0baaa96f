"""What a caller passes to `train` beside settings: a model, a branch, loggers and callbacks of their own."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from aag_tf import config as configs
from aag_tf.augment import Branch
from aag_tf.config import DataConfig, TrainConfig
from aag_tf.data import Source
from aag_tf.data.splits import complete
from aag_tf.training.given_images import open_given
from aag_tf.training.writer import Writer
from aag_tf.utils.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomComponents:
    """The arguments of `train` beside settings, as they were passed; `train` documents them."""

    encoder: keras.Model | Callable[[], keras.Model] | None = None
    auxiliary: Branch | Callable[[], Branch] | None = None
    images: Any = None
    labels: Any = None
    writers: Sequence[Writer] = ()
    callbacks: Sequence[keras.callbacks.Callback] = ()

    def noted_in(self, config: TrainConfig) -> TrainConfig:
        """Returns the settings with `own` in place of the names of an encoder, a branch and images that were passed."""
        if self.encoder is not None:
            config = dataclasses.replace(config, encoder=dataclasses.replace(config.encoder, encoder=configs.OWN))
        if self.auxiliary is not None and config.augment.aux != "none":
            config = dataclasses.replace(config, augment=dataclasses.replace(config.augment, aux=configs.OWN))
        if self.images is not None:
            config = dataclasses.replace(config, data=dataclasses.replace(config.data, dataset=configs.OWN))
        elif self.labels is not None:
            raise ConfigError("train(labels=...) are the labels of train(images=...); pass both, or neither.")
        return config

    @contextlib.contextmanager
    def opened_images(self, config: DataConfig) -> Iterator[Source | None]:
        """Opens the images that were passed, in the block; `None` where none were.

        Raises:
            AagError: they are no images.
        """
        if self.images is None:
            yield None
            return
        with open_given(self.images, self.labels, config) as source:
            yield complete(source, config.validation_fraction)

    def check_for_cluster(self, config: TrainConfig) -> None:
        """Checks, on one of several machines, that all components can be built after the cluster was joined.

        Raises:
            ConfigError: a component was built before, or the encoder of a resumed run was not passed again.
        """
        if config.encoder.encoder == configs.OWN and self.encoder is None:  # only the chief reads the record
            raise ConfigError(
                "on several machines a run with an encoder of its own takes it at every start, also to go on; give "
                "train(encoder=...) on each."
            )
        for name, part in (("encoder", self.encoder), ("auxiliary", self.auxiliary)):
            if isinstance(part, keras.layers.Layer):
                raise ConfigError(
                    f"on several machines train({name}=...) takes a function that builds it, since TensorFlow must "
                    "join the others before anything is built; give it that."
                )

    def build(self) -> tuple[keras.Model | None, Branch | None]:
        """Returns encoder and auxiliary branch, built where a function was passed.

        Raises:
            ConfigError: one is of another type.
        """
        return (
            _built("encoder", self.encoder, keras.Model, "put layers into a keras.Sequential"),
            _built("auxiliary", self.auxiliary, Branch, "put layers into a LayersBranch"),
        )


def _built(name: str, given: Any, kind: type, advice: str) -> Any:
    if given is None:
        return None
    # A layer can be called too, but calling it builds nothing.
    part = given() if callable(given) and not isinstance(given, keras.layers.Layer) else given
    if not isinstance(part, kind):
        raise ConfigError(
            f"train({name}=...) takes a {kind.__name__} or a function that builds one, and got a "
            f"{type(part).__name__}; {advice}."
        )
    return part
