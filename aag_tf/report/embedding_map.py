"""Two-dimensional maps of the embedding, by PCA and by t-SNE, with what they show in words.

L. van der Maaten, G. Hinton, *Visualizing Data using t-SNE*, JMLR 9 (2008). Distances between far groups and the sizes
of groups mean nothing in a t-SNE map; the table beside it therefore counts neighbors in the embedding itself.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from aag_tf.evaluation.directions import directions
from aag_tf.report.material import Material

MOST_IMAGES = 2_000  # t-SNE takes some ten seconds for as many on two cores, and more points hide each other
PERPLEXITY = 30
INPUT_DIMENSIONS = 50  # of t-SNE, after PCA, as its authors do
MOST_CLASSES = 20  # that colors and shapes tell apart; images of smaller classes are drawn as others
NEIGHBORS = 10
SEED = 0
SIDE, MARGIN = 480, 16
SHAPES = ("m-3-3h6v6h-6z", "m0-4l4 7h-8z", "m-4 0l4-4l4 4l-4 4z", "m-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z", "m0 4l-4-7h8z")


Groups = Sequence[tuple[str, np.ndarray]]  # the name of a class and, of each image in the sample, whether it is in it


@dataclasses.dataclass(frozen=True)
class MapClass:
    """A class on the maps.

    Args:
        name: what it is called.
        count: its images in the sample.
        purity: share in [0, 1] of the ten nearest images that are of the same class, mean over its images.
        mixed_with: the other class that is most frequent among those ten, or "" where there is none.
    """

    name: str
    count: int
    purity: float
    mixed_with: str


@dataclasses.dataclass(frozen=True)
class Map:
    """One picture: its method, a path for each class (the last is of all others), and [(x, y, name)] labels."""

    method: str
    note: str
    paths: list[str]
    labels: list[tuple[float, float, str]]


@dataclasses.dataclass(frozen=True)
class EmbeddingMap:
    """Maps of a sample of the judged images.

    Args:
        num_images: how many are drawn.
        num_queries: how many there are.
        classes: at most `MOST_CLASSES`, by label; empty without labels.
        maps: PCA and t-SNE.
    """

    num_images: int
    num_queries: int
    classes: list[MapClass]
    maps: list[Map]


def draw_maps(material: Material) -> EmbeddingMap | None:
    """The maps of at most `MOST_IMAGES` queries, drawn by a fixed seed; `None` where there are too few for a map."""
    total = len(material.features)
    rows = np.sort(np.random.default_rng(SEED).permutation(total)[:MOST_IMAGES])
    features = directions(material.features[rows]).astype(np.float64)  # cosine is what neighbors share
    if len(features) < 2 * NEIGHBORS or min(features.shape) < 3:
        return None
    groups = _groups(material, rows)
    pca = PCA(min(INPUT_DIMENSIONS, *features.shape), random_state=SEED)
    reduced = pca.fit_transform(features)
    explained = 100 * pca.explained_variance_ratio_[:2].sum()
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    places = TSNE(2, perplexity=perplexity, init="pca", random_state=SEED).fit_transform(reduced)
    return EmbeddingMap(
        num_images=len(rows),
        num_queries=total,
        classes=_classes(features, groups),
        maps=[
            _draw("PCA", f"the two directions shown hold {explained:.0f} % of the variance", reduced[:, :2], groups),
            _draw("t-SNE", f"perplexity {perplexity:.0f}, seed {SEED}", places, groups),
        ],
    )


def _groups(material: Material, rows: np.ndarray) -> Groups:
    """The classes that have most images in the sample, by label."""
    if material.labels is None:
        return []
    labels = material.labels[rows]
    classes, counts = np.unique(labels, return_counts=True)
    largest = np.sort(classes[np.argsort(-counts, kind="stable")[:MOST_CLASSES]])
    return [(material.name(int(label)), labels == label) for label in largest]


def _classes(features: np.ndarray, groups: Groups) -> list[MapClass]:
    if not groups:
        return []
    # Without itself: scikit-learn leaves a row out of its own neighbors where no queries are given.
    nearest = NearestNeighbors(n_neighbors=NEIGHBORS).fit(features).kneighbors(return_distance=False)
    found = []
    for name, members in groups:
        counts = {other: int(mask[nearest[members]].sum()) for other, mask in groups if other != name}
        mixed = max(counts, key=lambda other: counts[other]) if any(counts.values()) else ""
        found.append(MapClass(name, int(members.sum()), float(members[nearest[members]].mean()), mixed))
    return found


def _draw(method: str, note: str, places: np.ndarray, groups: Groups) -> Map:
    low, high = np.percentile(places, (0.5, 99.5), axis=0)  # a few far images must not press all others together
    scale = (SIDE - 2 * MARGIN) / max((high - low).max(), 1e-9)  # one for both axes: distances are what is drawn
    points = np.clip((places - (low + high) / 2) * scale + SIDE / 2, MARGIN / 2, SIDE - MARGIN / 2)
    points[:, 1] = SIDE - points[:, 1]
    others = ~np.any([members for _, members in groups], axis=0) if groups else np.ones(len(points), bool)
    paths = [_path(points[members], shape_of(place)) for place, (_, members) in enumerate(groups)]
    return Map(method, note, [*paths, _path(points[others], SHAPES[0])], _labels(points, groups))


def shape_of(place: int) -> str:
    """The mark of the class at this place; with ten colors, no two of twenty look alike."""
    return SHAPES[(place + place // 10) % len(SHAPES)]


def _path(points: np.ndarray, shape: str) -> str:
    return "".join(f"M{x:.0f} {y:.0f}{shape}" for x, y in points)


def _labels(points: np.ndarray, groups: Groups) -> list[tuple[float, float, str]]:
    """The name of each class at the median of its points, moved down until it covers no other."""
    height, width = 18.0, 9.5  # of a line and of a letter
    middles = [(name, *np.median(points[members], axis=0).tolist()) for name, members in groups]
    placed: list[tuple[float, float, str]] = []
    for name, x, middle in sorted(middles, key=lambda label: label[2]):
        text, y = name if len(name) <= 16 else name[:15] + "…", middle
        for a, b, other in sorted(placed, key=lambda label: label[1]):
            if abs(a - x) < width * (len(text) + len(other)) / 2 and abs(b - y) < height:
                y = b + height
        placed.append((x, min(y, SIDE - MARGIN), text))
    return placed
