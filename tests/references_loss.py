"""GNT-Xent and NT-Xent in float64 NumPy, written as loops from the formula and sharing nothing with the package."""

import numpy as np

SHORTEST = 1e-8


def unit(vector):
    length = np.linalg.norm(vector)
    return vector / length if length >= SHORTEST else np.zeros_like(vector)


def log_of_sum(exponents):
    top = max(exponents)
    return top + np.log(sum(np.exp(exponent - top) for exponent in exponents))


def gnt_xent(projections, *, temperature, coupling, aux_weight=1.0, aux_negatives=True, sample_weight=None):
    x = np.asarray(projections, np.float64)
    images, views, _ = x.shape
    z = np.array([[unit(x[b, v]) for v in range(views)] for b in range(images)])
    similarity = np.einsum("bvd,cud->bvcu", z, z) / temperature
    role = [1.0 if v < 2 else aux_weight for v in range(views)]
    numerator = denominator = 0.0
    for b in range(images):
        for v in range(views):
            negatives = [
                similarity[b, v, c, u]
                for c in range(images)
                for u in range(views)
                if c != b and (aux_negatives or u < 2)
            ]
            others = log_of_sum(negatives)
            for p in range(views):
                if p == v:
                    continue
                s = similarity[b, v, b, p]
                denominator_of_pair = log_of_sum([s + np.log(coupling), others]) if coupling > 0 else others
                weight = role[v] * role[p] * (1.0 if sample_weight is None else sample_weight[b])
                numerator += weight * (denominator_of_pair - s)
                denominator += weight
    return numerator / denominator if denominator else 0.0


def simclr_nt_xent(first, second, temperature):
    """Chen et al. 2020, algorithm 1: rows 2k and 2k + 1 are the two views of image k."""
    z = [unit(row) for pair in zip(first, second, strict=True) for row in pair]
    total = 0.0
    for i in range(len(z)):
        j = i + 1 if i % 2 == 0 else i - 1
        others = [z[i] @ z[k] / temperature for k in range(len(z)) if k != i]
        total += log_of_sum(others) - z[i] @ z[j] / temperature
    return total / len(z)


def directional_derivative(function, x, direction, step=1e-6):
    """Central difference of fourth order; `step` is relative to the scale of `x`."""
    h = step * np.abs(x).max()
    near = function(x + h * direction) - function(x - h * direction)
    far = function(x + 2 * h * direction) - function(x - 2 * h * direction)
    return (8 * near - far) / (12 * h)
