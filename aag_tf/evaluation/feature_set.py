"""The features of one encoder, with the neighbors and the linear probe that several measures share."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from aag_tf.config import AugmentConfig, ProtocolConfig
from aag_tf.data import Images
from aag_tf.evaluation.checks import check_features, check_labels, check_not_collapsed, check_same_size
from aag_tf.evaluation.knn import DEFAULT_K, Neighbors, find_neighbors, usual_k, vote
from aag_tf.evaluation.linear_probe import LinearProbe, fit_linear_probe
from aag_tf.utils.errors import EvaluationError

Embed = Callable[[Images], np.ndarray]
Network = Callable[[], keras.Model]


class Examples(NamedTuple):
    """Features float32 [n, d], their labels int [n] and their images, each `None` where unknown."""

    features: np.ndarray
    labels: np.ndarray | None = None
    images: Images | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features to learn from (the bank) and to evaluate on (the queries), all of one encoder.

    Neighbors, probe and predictions are computed on first use and kept.

    Args:
        name: the encoder in tables and messages: "trained encoder", "raw pixels", ...
        bank: examples that classifiers learn from.
        queries: examples that classifiers are evaluated on.
        protocol: the measures and their settings.
        embed: images to features; `None` where features were read from files.
        network: returns a fresh copy of the encoder that may be trained; `None` where there is none.
        untrained: whether the weights of the encoder are random, so that its batch statistics fit no image yet.
        augment: how the main branch draws views, for alignment.

    Raises:
        EvaluationError: features or labels cannot be used, or all features are alike.
    """

    name: str
    bank: Examples
    queries: Examples
    protocol: ProtocolConfig = dataclasses.field(default_factory=ProtocolConfig)
    embed: Embed | None = None
    network: Network | None = None
    untrained: bool = False
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)

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
        """Length of a feature vector."""
        return self.bank.features.shape[1]

    @property
    def bank_labels(self) -> np.ndarray:
        """Labels of the bank, int [n].

        Raises:
            EvaluationError: the bank has none.
        """
        return _required(self.bank.labels)

    @property
    def query_labels(self) -> np.ndarray:
        """Labels of the queries, int [m].

        Raises:
            EvaluationError: the queries have none.
        """
        return _required(self.queries.labels)

    @property
    def has_classes(self) -> bool:
        """Whether bank and queries have labels, those of the bank of two classes or more."""
        labels = self.bank.labels
        return labels is not None and self.queries.labels is not None and len(np.unique(labels)) > 1

    @functools.cached_property
    def k(self) -> int:
        """Neighbors that vote: `knn_k` or, where it was left open, a number that fits the classes."""
        if self.protocol.knn_k is not None:
            return self.protocol.knn_k
        return usual_k(self.bank.labels, len(self.bank.features))

    @functools.cached_property
    def few_images(self) -> bool:
        """Whether the median class has fewer examples in the bank than neighbors vote, by default or by `knn_k`."""
        if not self.has_classes:
            return False
        _, counts = np.unique(self.bank_labels, return_counts=True)
        return bool(np.median(counts) < max(self.k, DEFAULT_K))

    @property
    def has_neighbors(self) -> bool:
        """Whether the bank has as many examples as neighbors vote."""
        return self.k <= len(self.bank.features)

    @functools.cached_property
    def near(self) -> Neighbors:
        """The examples of the bank nearest to each query, nearest first: `k`, or more where classes have few."""
        count = len(self.bank.features)
        k = min(count, max(self.k, DEFAULT_K)) if self.few_images and self.k <= count else self.k
        return find_neighbors(self.bank.features, self.queries.features, k=k, name=self.name)

    @functools.cached_property
    def neighbors(self) -> Neighbors:
        """The `k` examples of the bank nearest to each query, nearest first."""
        return Neighbors(*(values[:, : self.k] for values in self.near))

    @functools.cached_property
    def knn_predictions(self) -> np.ndarray:
        """The label that the neighbors of each query vote for, int64 [m]."""
        return vote(self.neighbors, self.bank_labels, temperature=self.protocol.knn_temperature)

    @functools.cached_property
    def probe(self) -> LinearProbe:
        """The linear probe fitted to the whole bank."""
        return fit_linear_probe(self.bank.features, self.bank_labels)

    @functools.cached_property
    def probe_predictions(self) -> np.ndarray:
        """The label that the probe predicts for each query, int64 [m]."""
        return self.probe.predict(self.queries.features)


def _required(labels: np.ndarray | None) -> np.ndarray:
    if labels is None:
        raise EvaluationError("this measure needs labels; give a labeled data set, or --measures=unlabeled.")
    return labels
