"""Time of weighted kNN and the linear probe on existing features, compared with scikit-learn.

    python benchmarks/evaluate.py --json=evaluate.json          # about four minutes on two CPU cores

Features are synthetic but shaped like those of a network: overlapping classes, a few directions of large variance and
many of small variance. Accuracies must agree: those of kNN exactly except for ties, those of the probe to 0.2 points.
scikit-learn solves the same problem, with the same standardization and the regularization that our probe chose. Its
time covers that one fit; ours includes the choice from seven.
"""

import numpy as np
from benchmark_tools import Row, argument_parser, markdown, peak_bytes, timed, write_json
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from aag_tf.evaluation import fit_linear_probe, knn_predict
from aag_tf.utils.progress import no_progress

K, TEMPERATURE = 20, 0.07
CLASSES = 10
REFERENCE_QUERIES = 1_000  # scikit-learn computes float64 distances to all training features at once


def features(count: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns features, float32 [count, dim], non-negative like pooled ReLU outputs, and labels, int [count]."""
    shared = np.random.default_rng(0)
    centers = shared.normal(size=(CLASSES, 32))
    mixing = shared.normal(size=(32, dim)).astype(np.float32) * (np.arange(1, 33)[:, np.newaxis] ** -0.5)
    rng = np.random.default_rng([seed, dim])
    labels = rng.integers(0, CLASSES, count)
    hidden = centers[labels] + 1.6 * rng.normal(size=(count, 32))
    noise = 0.3 * rng.standard_normal((count, dim), dtype=np.float32)
    return np.maximum(hidden.astype(np.float32) @ mixing.astype(np.float32) + noise, 0.0), labels


@no_progress()
def measure(train: int, test: int, dim: int, *, reference: bool) -> Row:
    bank, labels = features(train, dim, 1)
    queries, truth = features(test, dim, 2)
    knn_predict(bank[:100], labels[:100], queries[:10], k=5)  # the first call loads kernels and thread pools
    predicted, knn_seconds = timed(lambda: knn_predict(bank, labels, queries, k=K, temperature=TEMPERATURE))
    probe, probe_seconds = timed(lambda: fit_linear_probe(bank, labels))
    accuracy = 100 * float(np.mean(probe.predict(queries) == truth))
    row = {
        "train": train,
        "test": test,
        "dim": dim,
        "knn_seconds": round(knn_seconds, 2),
        "probe_seconds": round(probe_seconds, 2),
        "both_seconds": round(knn_seconds + probe_seconds, 2),
        "knn_accuracy": round(100 * float(np.mean(predicted == truth)), 2),
        "probe_accuracy": round(accuracy, 2),
        "probe_l2": probe.l2,
        "peak_mib": peak_bytes() // 2**20,
    }
    if not reference:
        return row
    peer = KNeighborsClassifier(K, weights=lambda d: np.exp(-d / TEMPERATURE), metric="cosine", algorithm="brute")
    some = queries[:REFERENCE_QUERIES]
    expected, seconds = timed(lambda: peer.fit(bank, labels).predict(some))
    differing = int(np.sum(expected != predicted[:REFERENCE_QUERIES]))
    logistic = LogisticRegression(C=1 / (probe.l2 * train), tol=1e-4, max_iter=1000)
    scaled = ((bank - probe.mean) / probe.scale, (queries - probe.mean) / probe.scale)
    _, logistic_seconds = timed(lambda: logistic.fit(scaled[0], labels))
    expected_accuracy = 100 * float(np.mean(logistic.predict(scaled[1]) == truth))
    if differing or abs(expected_accuracy - accuracy) > 0.2:
        raise RuntimeError(f"scikit-learn disagrees: {differing} kNN predictions, probe {expected_accuracy:.2f} %")
    return row | {
        "sklearn_knn_seconds": round(seconds * test / len(some), 2),
        "sklearn_fit_seconds": round(logistic_seconds, 2),
        "sklearn_probe_accuracy": round(expected_accuracy, 2),
    }


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--train", type=int, default=60_000, help="features to learn from")
    parser.add_argument("--test", type=int, default=10_000, help="features to evaluate on")
    parser.add_argument("--dims", type=int, nargs="+", default=[128, 512], help="feature dimensions")
    parser.add_argument("--no_reference", action="store_true", help="do not compare with scikit-learn")
    arguments = parser.parse_args()
    rows = []
    for dim in arguments.dims:
        rows.append(measure(arguments.train, arguments.test, dim, reference=not arguments.no_reference))
        print(rows[-1], flush=True)
    print(markdown(rows))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
