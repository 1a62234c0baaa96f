"""How well a probe that learned from clean images does on corrupted ones."""

import time

import numpy as np

from aag_tf.evaluation.candidate import Candidate
from aag_tf.evaluation.corruptions import SETTINGS, STRENGTHS, corrupted, settings
from aag_tf.evaluation.measure import Measure, mean_measure
from aag_tf.utils.progress import progress_bar


def robustness(candidate: Candidate) -> list[Measure]:
    """The mean accuracy over all corruptions and strengths, then that of each corruption over its strengths.

    The linear probe is the one fitted on all clean training images; the judged images alone are corrupted.
    """
    images = candidate.queries.images
    if candidate.embed is None or images is None:
        return []
    seed = candidate.config.seed
    clean = float(np.mean(candidate.probe_predictions == candidate.query_labels))
    right: list[np.ndarray] = []  # for each corruption: bool [strengths, m]
    parts = []
    with progress_bar(
        f"{candidate.name}: robustness", len(SETTINGS) * len(STRENGTHS), "set", wanted=candidate.progress
    ) as bar:
        for kind in SETTINGS:
            began = time.perf_counter()
            hits = []
            for strength in STRENGTHS:
                features = candidate.embed(corrupted(images, kind, strength, seed))
                hits.append(candidate.probe.predict(features) == candidate.query_labels)
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
