"""Accuracy with few labels: mean and spread over stratified random draws of the labeled images."""

import time
from collections.abc import Callable

import numpy as np

from aag_tf.evaluation.accuracy import accuracies
from aag_tf.evaluation.checks import class_indices
from aag_tf.evaluation.feature_set import FeatureSet
from aag_tf.evaluation.linear_probe import L2_GRID, LinearProbe, fit_linear_probe
from aag_tf.evaluation.measure import Measure
from aag_tf.utils import seeds
from aag_tf.utils.progress import no_progress, progress_bar

FOLDS = 5
FOLDS_UP_TO = 10_000  # labeled images; above, a tenth of them chooses as well: 1 000 tell 1.5 points apart
FEW_L2_GRID = L2_GRID[:5]  # the weakest two would fit noise, at the cost of most iterations

Classify = Callable[[np.ndarray, int], np.ndarray]  # (rows of the bank, number of the draw) to labels of the queries


def stratified_draw(labels: np.ndarray, share: float, *, seed: int, number: int) -> np.ndarray:
    """Draws a share of the rows of each class, rounded to whole images, at least one.

    Args:
        labels: int [n].
        share: in (0, 1].
        seed: of the evaluation.
        number: of the draw; draws of one seed differ.

    Returns:
        int64 row numbers, ascending.
    """
    rng = seeds.generator(seed, "few_labels", round(1e6 * share), number)
    rows = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rows.append(rng.choice(members, max(1, round(share * len(members))), replace=False))
    return np.sort(np.concatenate(rows))


def few_labels(features: FeatureSet) -> list[Measure]:
    """Accuracy of the linear probe fitted on each draw, its regularization chosen within the draw."""
    bank, labels = features.bank.features, features.bank_labels

    def classify(rows: np.ndarray, _: int) -> np.ndarray:
        return fit_few(bank[rows], labels[rows]).predict(features.queries.features)

    return over_draws(features, "few_labels_probe", classify)


@no_progress()  # inside the bar over draws
def fit_few(features: np.ndarray, labels: np.ndarray) -> LinearProbe:
    """Fits a linear probe to few rows, float [n, d] and int [n], its regularization chosen by cross-validation."""
    folds = FOLDS if len(labels) <= FOLDS_UP_TO else 1
    return fit_linear_probe(features, labels, l2_grid=FEW_L2_GRID, folds=folds)


def over_draws(features: FeatureSet, name: str, classify: Classify) -> list[Measure]:
    """Mean accuracy over draws, for each share of the labels.

    The interval is that of the mean over the queries. In the details, `draws` has the accuracy of each draw and `std`
    their standard deviation.

    Args:
        features: with the number of draws and the shares in its protocol.
        name: of the metrics; a percentage is appended.
        classify: learns from these rows of the bank and predicts the labels of all queries.
    """
    protocol, labels = features.protocol, features.bank_labels
    class_indices(labels)
    found = []
    total = len(protocol.label_shares) * protocol.label_draws
    with progress_bar(f"{features.name}: {name}", total, "draw") as bar:
        for share in protocol.label_shares:
            began = time.perf_counter()
            hits, counts = [], []
            for number in range(protocol.label_draws):
                rows = stratified_draw(labels, share, seed=protocol.seed, number=number)
                hits.append(classify(rows, number) == features.query_labels)
                counts.append(len(rows))
                bar.update()
            draws = [float(np.mean(hit)) for hit in hits]
            details = {
                "labels": counts[0],
                "draws": draws,
                "std": float(np.std(draws, ddof=1)) if len(draws) > 1 else None,
                "seconds": time.perf_counter() - began,
            }
            found += accuracies(features, f"{name}_{100 * share:g}%", np.mean(hits, axis=0), **details)
    return found
