"""Chooses the settings of an evaluation that were left open, by what the data has, and says each choice in a line."""

import dataclasses

import numpy as np

from aag_tf.config import QUICK_MEASURES, USUAL_KNN_K, ProtocolConfig
from aag_tf.data import Source, Split
from aag_tf.evaluation.knn import usual_k
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.log import logger

UNLABELED = "unlabeled"


def choose_protocol(protocol: ProtocolConfig, source: Source) -> ProtocolConfig:
    """Fills in `split` and `measures` where they were left open; what was given stays.

    Labels are used where there are any: on the test split, otherwise on validation. Without labels the measures that
    need none are taken, on the test split, otherwise validation, otherwise train. `all` means all that is possible.

    Args:
        protocol: as given.
        source: of the images.

    Raises:
        EvaluationError: there is no such split, or no labels for the measures that were asked for.
    """
    held_out = {"test": source.test, "validation": source.validation}
    there = [name for name, part in held_out.items() if part is not None]
    labeled = [name for name in there if _has_classes(source.train) and _is_labeled(held_out[name])]
    split, measures = protocol.split, protocol.measures
    has_labels = split in labeled if split else bool(labeled)
    fault = ""
    if split not in (None, "train", *there):
        fault = f"{source.name} has no {split} split"
    elif measures is None or protocol.all_measures:
        if not has_labels:
            chosen = dataclasses.replace(protocol, split=split or (there or ["train"])[0], measures=UNLABELED)
            _say_unlabeled(source, chosen, labeled)
            return chosen
    elif protocol.needs_labels and not has_labels:
        fault = _fault(source, split)
    if fault:
        raise EvaluationError(f"{fault}; give {_advice(protocol, there, labeled)}.")
    chosen = dataclasses.replace(protocol, measures=measures or ",".join(QUICK_MEASURES))
    if split is None:
        split = ((labeled if chosen.needs_labels else []) or there or ["train"])[0]
        _say_split(source, split, is_there="test" in there)
    return dataclasses.replace(chosen, split=split)


def choose_k(protocol: ProtocolConfig, labels: np.ndarray | None, count: int) -> ProtocolConfig:
    """Fills in `knn_k` where it was left open, and says where classes have fewer images than votes.

    Args:
        protocol: as given.
        labels: of the images to learn from, int [n]; `None` where unknown.
        count: n.
    """
    k = protocol.knn_k or usual_k(labels, count)
    if labels is not None and "knn" in protocol.measure_names:
        _, counts = np.unique(labels, return_counts=True)
        if protocol.knn_k is None and k < USUAL_KNN_K:
            logger.warning(
                "kNN uses k=%d in place of %d, since half of the classes have no more than %d images to learn from; "
                "--knn_k decides otherwise.",
                k,
                USUAL_KNN_K,
                k,
            )
        elif counts.min() < k <= count:
            logger.warning(
                "kNN uses k=%d, more than the %d images of the smallest class, which it may miss; --knn_k=%d uses "
                "fewer.",
                k,
                counts.min(),
                counts.min(),
            )
    return dataclasses.replace(protocol, knn_k=k)


def _is_labeled(split: Split | None) -> bool:
    return split is not None and split.labels is not None


def _has_classes(train: Split) -> bool:
    return train.labels is not None and len(np.unique(train.labels)) > 1


def _fault(source: Source, split: str | None) -> str:
    """Says why labels are missing."""
    if source.train.labels is None:
        return f"{source.name} has no labels"
    if not _has_classes(source.train):
        count = len(source.train)
        return f"all {count} labeled images are of class {source.train.labels[0]} (nothing to classify)"
    if split == "train":
        return "--split=train has the images that classifiers learn from"
    if split is None:
        return f"{source.name} has no labeled split that is held out"
    return f"the {split} split of {source.name} has no labels"


def _advice(protocol: ProtocolConfig, there: list[str], labeled: list[str]) -> str:
    """Returns flags that make the evaluation possible beside those that were given."""
    split = protocol.split
    others = [] if not labeled else [f"--split={labeled[0]}"]
    if split in (None, "train", *there):
        others.append(f"--measures={UNLABELED}")
    elif not labeled:
        given = protocol.measures is not None and protocol.needs_labels and not protocol.all_measures
        others.append(f"--split={(there or ['train'])[0]}" + (f" --measures={UNLABELED}" if given else ""))
    if not labeled:
        others.append(
            "a labeled data set with --dataset (a folder takes its labels from the names of sub-folders, an npz file "
            "from `labels`)"
        )
    return ", or ".join(others)


def _say_unlabeled(source: Source, chosen: ProtocolConfig, labeled: list[str]) -> None:
    reason = _fault(source, chosen.split)
    hint = f"; --split={labeled[0]} has labels" if labeled else "; --dataset evaluates on labeled images"
    logger.warning(
        "%s, so the %s split is evaluated by what needs none (--measures=%s)%s.", reason, chosen.split, UNLABELED, hint
    )


def _say_split(source: Source, split: str, *, is_there: bool) -> None:
    if split == "test":
        return
    if is_there:
        logger.warning(
            "the test split of %s has no labels, so the %s split is evaluated; --split=test --measures=%s evaluates it "
            "without.",
            source.name,
            split,
            UNLABELED,
        )
    else:
        logger.warning("%s has no test split, so the %s split is evaluated.", source.name, split)
