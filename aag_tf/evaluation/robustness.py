"""Accuracy on corrupted images of a probe that learned from clean ones."""

import time

import numpy as np

from aag_tf.evaluation.corruptions import SETTINGS, STRENGTHS, corrupted, settings
from aag_tf.evaluation.feature_set import FeatureSet
from aag_tf.evaluation.measure import Measure, mean_measure
from aag_tf.utils.progress import progress_bar


def robustness(features: FeatureSet) -> list[Measure]:
    """Mean accuracy over all corruptions and strengths, then that of each corruption over its strengths.

    The linear probe is the one fitted to the clean bank; only the queries are corrupted.
    """
    images = features.queries.images
    if features.embed is None or images is None:
        return []
    seed = features.protocol.seed
    clean = float(np.mean(features.probe_predictions == features.query_labels))
    right: list[np.ndarray] = []  # for each corruption: bool [strengths, m]
    parts = []
    with progress_bar(f"{features.name}: robustness", len(SETTINGS) * len(STRENGTHS), "set") as bar:
        for kind in SETTINGS:
            began = time.perf_counter()
            hits = []
            for strength in STRENGTHS:
                embedded = features.embed(corrupted(images, kind, strength, seed))
                hits.append(features.probe.predict(embedded) == features.query_labels)
                bar.update()
            right.append(np.stack(hits))
            details = {
                "settings": list(settings(kind, images.shape)),
                "accuracy": [float(np.mean(hit)) for hit in hits],
                "clean": clean,
                "seconds": time.perf_counter() - began,
            }
            parts.append(mean_measure(f"robustness_{kind}", right[-1].mean(axis=0), seed, **details))
    overall = np.concatenate(right).mean(axis=0)
    return [mean_measure("robustness", overall, seed, clean=clean), *parts]
