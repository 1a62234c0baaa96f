"""One set of features under judgment, with the neighbors and the probe that several measures share."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from aag_tf.config import AugmentConfig, ProtocolConfig
from aag_tf.data import Images
from aag_tf.evaluation.checks import check_features, check_labels, check_not_collapsed, check_same_size
from aag_tf.evaluation.knn import Neighbors, find_neighbors, vote
from aag_tf.evaluation.linear_probe import LinearProbe, fit_linear_probe
from aag_tf.utils.errors import EvaluationError

Embed = Callable[[Images], np.ndarray]
Network = Callable[[], keras.Model]


class Examples(NamedTuple):
    """Features float32 [n, d] with labels int [n] and the images that they come from, as far as there are any."""

    features: np.ndarray
    labels: np.ndarray | None = None
    images: Images | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """Features that classifiers learn from (the bank) and are judged on (the queries).

    What is computed from them is computed once, when first asked for.

    Args:
        name: whose features they are.
        bank: what classifiers learn from.
        queries: what they are judged on.
        config: k, temperature and the settings of the longer measures.
        embed: images to features, `None` for features that were given.
        network: a fresh copy of the encoder that may be trained; `None` where there is none.
        untrained: whether its weights are random, so that its batch statistics fit no image yet.
        augment: how the main branch draws views, for alignment.
        progress: whether long work shows a bar.

    Raises:
        EvaluationError: features or labels cannot be used, or all features are alike.
    """

    name: str
    bank: Examples
    queries: Examples
    config: ProtocolConfig = dataclasses.field(default_factory=ProtocolConfig)
    embed: Embed | None = None
    network: Network | None = None
    untrained: bool = False
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    progress: bool = True

    def __post_init__(self) -> None:
        check_features(self.bank.features, f"{self.name} bank")
        check_not_collapsed(self.bank.features, f"{self.name} bank")
        check_features(self.queries.features, f"{self.name} query")
        check_same_size(self.bank.features, self.queries.features)
        for owner, part in (("bank", self.bank), ("query", self.queries)):
            if part.labels is not None:
                check_labels(part.labels, part.features, owner)

    @property
    def dim(self) -> int:
        """Numbers in a feature."""
        return self.bank.features.shape[1]

    @property
    def bank_labels(self) -> np.ndarray:
        """int [n].

        Raises:
            EvaluationError: the bank has none.
        """
        return _known(self.bank.labels)

    @property
    def query_labels(self) -> np.ndarray:
        """int [m].

        Raises:
            EvaluationError: the queries have none.
        """
        return _known(self.queries.labels)

    @functools.cached_property
    def neighbors(self) -> Neighbors:
        """The `knn_k` bank images nearest to each query, nearest first."""
        return find_neighbors(
            self.bank.features, self.queries.features, k=self.config.knn_k, progress=self.progress, name=self.name
        )

    @functools.cached_property
    def knn_predictions(self) -> np.ndarray:
        """int64 [m]: the label that the neighbors of each query vote for."""
        return vote(self.neighbors, self.bank_labels, temperature=self.config.knn_temperature)

    @functools.cached_property
    def probe(self) -> LinearProbe:
        """The linear probe on all labels of the bank."""
        return fit_linear_probe(self.bank.features, self.bank_labels, progress=self.progress)

    @functools.cached_property
    def probe_predictions(self) -> np.ndarray:
        """int64 [m]: the label that the probe gives to each query."""
        return self.probe.predict(self.queries.features)


def _known(labels: np.ndarray | None) -> np.ndarray:
    if labels is None:
        raise EvaluationError("there are no labels to judge by; give data that have them, or --measures=unlabeled.")
    return labels
