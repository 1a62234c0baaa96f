import pytest
import references_loss

from aag_tf.losses import gnt_xent


def batch(rng, views):
    return rng.normal(size=(6, views, 8)) + 1.5 * rng.normal(size=(6, 1, 8))


def loss(x, positives, coupling=1.0, **settings):
    return float(gnt_xent(x, temperature=0.3, coupling=coupling, positives=positives, **settings))


@pytest.mark.parametrize("rince_q", [0.0, 0.5])
@pytest.mark.parametrize("coupling", [0.3, 1.0])
def test_with_two_views_all_are_the_same(coupling, rince_q, rng):
    x = batch(rng, 2)
    expected = loss(x, "pairs", coupling, rince_q=rince_q)
    assert loss(x, "out", coupling, rince_q=rince_q) == pytest.approx(expected, rel=1e-12)
    assert loss(x, "in", coupling, rince_q=rince_q) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("positives", ["out", "in"])
@pytest.mark.parametrize("views", [2, 3, 5])
def test_coupled_they_are_supcon_with_images_as_labels(positives, views, rng):
    x = batch(rng, views)
    assert loss(x, positives) == pytest.approx(references_loss.supcon(x, 0.3, positives), rel=1e-12)


def test_their_order(rng):
    x = batch(rng, 4)
    # By Jensen's inequality for the first; in the second, one denominator has more terms than the other.
    assert loss(x, "in") < loss(x, "out") - 0.01
    assert loss(x, "pairs") < loss(x, "out") - 0.01
    assert loss(x, "out", 1e-12) == pytest.approx(loss(x, "pairs", 0.0), rel=1e-9)


@pytest.mark.parametrize("positives", ["pairs", "out", "in"])
def test_auxiliary_views_without_weight_are_no_positives(positives, rng):
    x = batch(rng, 4)
    weightless = loss(x, positives, aux_weight=0.0, aux_negatives=False)
    assert weightless == pytest.approx(loss(x[:, :2], positives), rel=1e-12)
