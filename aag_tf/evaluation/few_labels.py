"""What an encoder is for: accuracy where few images have labels. Stratified draws, their mean and their spread."""

import time
from collections.abc import Callable

import numpy as np

from aag_tf.evaluation.candidate import Candidate
from aag_tf.evaluation.checks import class_indices
from aag_tf.evaluation.linear_probe import L2_GRID, LinearProbe, fit_linear_probe
from aag_tf.evaluation.measure import Measure, mean_measure
from aag_tf.utils import seeds
from aag_tf.utils.progress import progress_bar

FOLDS = 5
FOLDS_UP_TO = 2_000  # labeled images; with more, one held-out tenth says enough
FEW_L2_GRID = L2_GRID[:5]  # the weakest two would fit noise, at the cost of most iterations

Classify = Callable[[np.ndarray, int], np.ndarray]  # (rows of the bank, number of the draw) to labels of the queries


def stratified_draw(labels: np.ndarray, share: float, *, seed: int, number: int) -> np.ndarray:
    """A random share of the rows of each class, rounded to whole images, one at least.

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


def few_labels(candidate: Candidate) -> list[Measure]:
    """Accuracy of the linear probe fitted on each draw; its regularization is chosen within the draw."""
    features, labels = candidate.bank.features, candidate.bank_labels

    def classify(rows: np.ndarray, _: int) -> np.ndarray:
        return fit_few(features[rows], labels[rows]).predict(candidate.queries.features)

    return over_draws(candidate, "few_labels_probe", classify)


def fit_few(features: np.ndarray, labels: np.ndarray) -> LinearProbe:
    """The linear probe on few rows, float [n, d] and int [n], its regularization chosen by cross-validation."""
    folds = FOLDS if len(labels) <= FOLDS_UP_TO else 1
    return fit_linear_probe(features, labels, l2_grid=FEW_L2_GRID, folds=folds, progress=False)


def over_draws(candidate: Candidate, name: str, classify: Classify) -> list[Measure]:
    """A figure for each share of the labels: the mean over draws, whose accuracies and spread are in the details.

    The interval is that of the mean over the judged images; `std` is the spread from draw to draw.

    Args:
        candidate: the features, and how many draws of which shares are wanted.
        name: of the measures; a percentage is put behind it.
        classify: learns from these rows of the bank and gives the labels of all queries.
    """
    config, labels = candidate.config, candidate.bank_labels
    class_indices(labels)
    found = []
    total = len(config.label_shares) * config.label_draws
    with progress_bar(f"{candidate.name}: {name}", total, "draw", wanted=candidate.progress) as bar:
        for share in config.label_shares:
            began = time.perf_counter()
            hits, counts = [], []
            for number in range(config.label_draws):
                rows = stratified_draw(labels, share, seed=config.seed, number=number)
                hits.append(classify(rows, number) == candidate.query_labels)
                counts.append(len(rows))
                bar.update()
            draws = [float(np.mean(hit)) for hit in hits]
            details = {
                "labels": counts[0],
                "draws": draws,
                "std": float(np.std(draws, ddof=1)) if len(draws) > 1 else None,
                "seconds": time.perf_counter() - began,
            }
            right = np.mean(hits, axis=0)
            found.append(mean_measure(f"{name}_{100 * share:g}%", right, config.seed, **details))
    return found
