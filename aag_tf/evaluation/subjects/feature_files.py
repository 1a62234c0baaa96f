"""Reads features and labels from `.npz` files."""

from typing import NoReturn

import numpy as np

from aag_tf.data.sources.arrays import read_arrays
from aag_tf.evaluation.checks import check_features, check_labels, class_indices
from aag_tf.evaluation.feature_set import Examples
from aag_tf.utils.errors import DataError, EvaluationError
from aag_tf.utils.stores import fetched

LARGEST = 8 * 2**30  # bytes, unpacked
KEYS = ("features", "labels")


def read_feature_files(train: str, test: str, *, labeled: bool | None = True) -> tuple[Examples, Examples]:
    """Reads the features to learn from and those to evaluate on.

    Args:
        train, test: `.npz` files with float `features` [n, d] and integer `labels` [n] from 0.
        labeled: whether labels are required, those of `train` of two classes or more; `None` where both files may lack
            them.

    Raises:
        EvaluationError: a file is missing or damaged, or arrays do not fit each other.
    """
    bank, queries = (_read(path, bool(labeled)) for path in (train, test))
    if labeled is None and (bank.labels is None) != (queries.labels is None):
        _refuse_without("labels", train if bank.labels is None else test)
    if bank.features.shape[1] != queries.features.shape[1]:
        raise EvaluationError(
            f"{train} has features of length {bank.features.shape[1]} and {test} of {queries.features.shape[1]}; make "
            "both with one encoder."
        )
    if bank.labels is None or queries.labels is None:
        return bank, queries
    if labeled is not False:
        class_indices(bank.labels)
    if queries.labels.max() > bank.labels.max():
        raise EvaluationError(
            f"{test} has a label {queries.labels.max()} and the largest of {train} is {bank.labels.max()}; use the "
            "same classes in both."
        )
    return bank, queries


def _refuse_without(key: str, name: str) -> NoReturn:
    raise EvaluationError(f"{name} has no array `{key}`; save it with numpy.savez(path, features=..., labels=...).")


def _read(name: str, labeled: bool) -> Examples:
    path = fetched(name)
    if not path.is_file():
        raise EvaluationError(f"{name} is not a file; name an archive that numpy.savez wrote.")
    try:
        arrays = read_arrays(path, KEYS, limit=LARGEST, advice="evaluate a part")
    except DataError as error:
        raise EvaluationError(str(error)) from error
    missing = [key for key in KEYS if key not in arrays and (labeled or key != "labels")]
    if missing:
        _refuse_without(missing[0], name)
    features, labels = arrays["features"], arrays.get("labels")
    if not np.issubdtype(features.dtype, np.floating):
        raise EvaluationError(f"`features` of {name} are {features.dtype}; store floats.")
    check_features(features, name)
    if labels is not None:
        check_labels(labels, features, name)
        if labels.min() < 0:
            raise EvaluationError(f"{name} has a label {labels.min()}; number the classes from 0.")
    return Examples(features.astype(np.float32, copy=False), labels)
