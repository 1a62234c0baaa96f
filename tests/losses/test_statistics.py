import numpy as np
import pytest
import tensorflow as tf

from aag_tf.losses import contrastive_statistics, statistics


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def by_loops(projections, temperature, coupling, aux_negatives=True, *, aux_weight=1.0, together=False):
    z = unit(projections)
    images, all_views, _ = z.shape
    views = all_views if aux_negatives else 2
    pairs = [(b, c) for b in range(images) for c in range(images) if b != c]
    upstream, perplexities = [], []
    for b in range(images):
        for v in (0, 1):
            negatives = np.exp([z[b, v] @ z[c, u] / temperature for c in range(images) if c != b for u in range(views)])
            terms = {u: np.exp(z[b, v] @ z[b, u] / temperature) for u in range(all_views) if u != v}
            weights = {u: 1.0 if u < 2 else aux_weight for u in terms} if together else {1 - v: 1.0}
            positive = coupling * sum(weight * terms[u] for u, weight in weights.items())
            upstream.append(1 - positive / (positive + negatives.sum()))
            p = negatives / negatives.sum()
            perplexities.append(np.exp(-(p * np.log(p)).sum()))
    hits = [np.argmax([z[b, 0] @ z[c, 1] for c in range(images)]) == b for b in range(images)]
    return {
        "contrastive_accuracy": np.mean(hits),
        "positive_similarity": np.mean([z[b, 0] @ z[b, 1] for b in range(images)]),
        "negative_similarity": np.mean([z[b, u] @ z[c, v] for b, c in pairs for u in (0, 1) for v in (0, 1)]),
        "alignment": np.mean([((z[b, 0] - z[b, 1]) ** 2).sum() for b in range(images)]),
        "uniformity": np.mean(
            [np.log(np.mean([np.exp(-2 * ((z[b, v] - z[c, v]) ** 2).sum()) for b, c in pairs])) for v in (0, 1)]
        ),
        "positive_pull": np.mean(upstream),
        "positive_pull_std": np.std(upstream),
        "effective_negatives": np.mean(perplexities),
    }


@pytest.mark.parametrize(("views", "aux_negatives"), [(2, True), (3, True), (3, False)])
@pytest.mark.parametrize("coupling", [0.0, 0.5, 1.0])
def test_statistics_equal_numpy(views, aux_negatives, coupling, rng):
    projections = rng.normal(size=(7, views, 6)) + 2.0 * rng.normal(size=(7, 1, 6))
    actual = contrastive_statistics(projections, temperature=0.2, coupling=coupling, aux_negatives=aux_negatives)
    expected = by_loops(projections, 0.2, coupling, aux_negatives)
    assert set(actual) == set(expected)
    assert 0.0 < expected["contrastive_accuracy"] <= 1.0
    for name, value in expected.items():
        assert actual[name].dtype == tf.float32
        assert float(actual[name]) == pytest.approx(value, rel=2e-5, abs=1e-6), name


@pytest.mark.parametrize("positives", ["out", "in"])
@pytest.mark.parametrize(("aux_negatives", "aux_weight"), [(True, 1.0), (False, 0.5), (True, 0.0)])
def test_the_pull_of_positives_in_one_softmax_is_that_of_all_together(positives, aux_negatives, aux_weight, rng):
    projections = rng.normal(size=(7, 4, 6)) + 2.0 * rng.normal(size=(7, 1, 6))
    actual = contrastive_statistics(
        projections,
        temperature=0.2,
        coupling=0.5,
        aux_weight=aux_weight,
        aux_negatives=aux_negatives,
        positives=positives,
    )
    expected = by_loops(projections, 0.2, 0.5, aux_negatives, aux_weight=aux_weight, together=True)
    for name, value in expected.items():
        assert float(actual[name]) == pytest.approx(value, rel=2e-5, abs=1e-6), name


def test_a_collapsed_encoder_is_seen():
    seen = contrastive_statistics(np.ones([8, 2, 4]), temperature=0.01, coupling=1.0)
    assert float(seen["contrastive_accuracy"]) == pytest.approx(1 / 8)
    assert float(seen["effective_negatives"]) == pytest.approx(14.0, rel=1e-4)
    assert float(seen["uniformity"]) == pytest.approx(0.0, abs=1e-5)
    assert float(seen["positive_pull"]) == pytest.approx(14 / 15, rel=1e-4)


def test_in_a_huge_batch_the_first_images_are_the_anchors(monkeypatch, rng):
    projections = rng.normal(size=(12, 2, 6))
    monkeypatch.setattr(statistics, "ELEMENTS", 2 * 3 * 2 * 12)  # similarities of three anchors
    few = contrastive_statistics(projections, temperature=0.2, coupling=0.0)
    expected = np.mean([unit(projections)[b, 0] @ unit(projections)[b, 1] for b in range(3)])
    assert float(few["positive_similarity"]) == pytest.approx(expected, rel=1e-5)


def test_no_gradient_flows(rng):
    x = tf.constant(rng.normal(size=(4, 2, 6)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.add_n(list(contrastive_statistics(x, temperature=0.2, coupling=0.5).values()))
    assert tape.gradient(total, x) is None
