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


def anchors(projections, temperature, aux_weight=1.0, aux_negatives=True, sample_weight=None):
    """Yields for every anchor its place, its weight, those of its positives and their similarities, and negatives."""
    x = np.asarray(projections, np.float64)
    images, views, _ = x.shape
    z = np.array([[unit(x[b, v]) for v in range(views)] for b in range(images)])
    similarity = np.einsum("bvd,cud->bvcu", z, z) / temperature
    role = [1.0 if v < 2 else aux_weight for v in range(views)]
    for b in range(images):
        for v in range(views):
            others = [u for u in range(views) if u != v]
            negatives = [
                similarity[b, v, c, u]
                for c in range(images)
                for u in range(views)
                if c != b and (aux_negatives or u < 2)
            ]
            weight = role[v] * (1.0 if sample_weight is None else sample_weight[b])
            roles = np.array([role[u] for u in others])
            yield (b, v, others), weight, roles, similarity[b, v, b, others], np.exp(negatives).sum()


def other_loss(projections, *, temperature, coupling, positives="pairs", rince_q=0.0, rince_lambda=0.01, **kept):
    """SupCon's two forms and RINCE, by their formulas in exponentials, of any anchor's terms."""
    numerator = denominator = 0.0
    for _, weight, roles, s, negatives in anchors(projections, temperature, **kept):
        together = (roles * np.exp(s)).sum()
        up = np.full(len(s), together / roles.sum()) if positives == "in" else np.exp(s)
        down = coupling * (np.exp(s) if positives == "pairs" else together) + negatives
        if rince_q:
            losses = -(up**rince_q) / rince_q + (rince_lambda * down) ** rince_q / rince_q
        else:
            losses = -np.log(up / down)
        numerator += weight * (roles * losses).sum()
        denominator += weight * roles.sum()
    return numerator / denominator


def dclw(projections, *, temperature, dclw_sigma, sample_weight=None, **kept):
    """Yeh et al. 2021's weighted loss, with a mean of its own for every ordered pair of views."""
    found = list(anchors(projections, temperature, sample_weight=sample_weight, **kept))
    nearness, image_weights = {}, {}
    for (b, v, others), _, _, s, _ in found:
        for u, similarity in zip(others, s, strict=True):
            nearness.setdefault((v, u), []).append(np.exp(similarity * temperature / dclw_sigma))
            image_weights.setdefault((v, u), []).append(1.0 if sample_weight is None else sample_weight[b])
    mean = {pair: np.average(values, weights=image_weights[pair]) for pair, values in nearness.items()}
    numerator = denominator = 0.0
    for (_, v, others), weight, roles, s, negatives in found:
        w = np.array([2 - np.exp(c * temperature / dclw_sigma) / mean[v, u] for u, c in zip(others, s, strict=True)])
        numerator += weight * (roles * (-w * s + np.log(negatives))).sum()
        denominator += weight * roles.sum()
    return numerator / denominator


def supcon(projections, temperature, where):
    """Khosla et al. 2020, equations 2 ("out") and 3 ("in"), over a flat batch whose labels are the images."""
    x = np.asarray(projections, np.float64)
    z = np.array([unit(row) for row in x.reshape(-1, x.shape[-1])])
    label = np.repeat(np.arange(len(x)), x.shape[1])
    losses = []
    for i in range(len(z)):
        terms = np.exp(z @ z[i] / temperature)
        everyone = terms.sum() - terms[i]
        shares = np.array([terms[p] / everyone for p in range(len(z)) if p != i and label[p] == label[i]])
        losses.append(-np.log(shares).mean() if where == "out" else -np.log(shares.mean()))
    return np.mean(losses)


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
