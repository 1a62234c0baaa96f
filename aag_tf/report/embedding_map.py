"""Two-dimensional maps of the embedding, by PCA and by t-SNE, with their content in words.

L. van der Maaten, G. Hinton, *Visualizing Data using t-SNE*, JMLR 9 (2008). Distances between far groups and the sizes
of groups mean nothing in a t-SNE map; the table beside it therefore counts neighbors in the embedding itself.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from aag_tf.evaluation import Evaluation
from aag_tf.evaluation.directions import directions

MOST_IMAGES = 2_000  # t-SNE takes some ten seconds for these on two cores, and more points hide each other
PERPLEXITY = 30
INPUT_DIMENSIONS = 50  # of t-SNE, after PCA, as its authors do
MOST_CLASSES = 20  # that colors and shapes tell apart; smaller classes are drawn as one
NEIGHBORS = 10
SEED = 0
SIDE, MARGIN = 480, 16
SHAPES = ("m-3-3h6v6h-6z", "m0-4l4 7h-8z", "m-4 0l4-4l4 4l-4 4z", "m-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z", "m0 4l-4-7h8z")


Groups = Sequence[tuple[str, np.ndarray]]  # name of a class, and the mask of its images in the sample


@dataclasses.dataclass(frozen=True)
class MapClass:
    """A class on the maps.

    Args:
        name: of the class.
        count: number of its images in the sample.
        purity: share in [0, 1] of the ten nearest images that are of the same class, mean over its images.
        mixed_with: the other class most frequent among those ten; "" where there is none.
    """

    name: str
    count: int
    purity: float
    mixed_with: str


@dataclasses.dataclass(frozen=True)
class Map:
    """One picture: its method, an SVG path for each class (the last of all others), and [(x, y, name)] labels."""

    method: str
    note: str
    paths: list[str]
    labels: list[tuple[float, float, str]]


@dataclasses.dataclass(frozen=True)
class EmbeddingMap:
    """Maps of a sample of the evaluated images.

    Args:
        num_images: size of the sample.
        num_queries: number of evaluated images.
        classes: at most `MOST_CLASSES`, by label; empty without labels.
        maps: PCA and t-SNE.
    """

    num_images: int
    num_queries: int
    classes: list[MapClass]
    maps: list[Map]


def draw_maps(evaluation: Evaluation) -> EmbeddingMap | None:
    """Maps at most `MOST_IMAGES` queries, drawn with a fixed seed; `None` where there are too few for a map."""
    if evaluation.feature_set is None:
        return None
    queries = evaluation.feature_set.queries
    total = len(queries.features)
    rows = np.sort(np.random.default_rng(SEED).permutation(total)[:MOST_IMAGES])
    features = directions(queries.features[rows]).astype(np.float64)  # neighbors are those by cosine similarity
    if len(features) < 2 * NEIGHBORS or min(features.shape) < 3:
        return None
    labels = None if queries.labels is None else queries.labels[rows]
    groups = [] if labels is None else _groups(labels, evaluation.class_name)
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


def _groups(labels: np.ndarray, class_name: Callable[[int], str]) -> Groups:
    """Returns the largest classes of the sample, ordered by label."""
    classes, counts = np.unique(labels, return_counts=True)
    largest = np.sort(classes[np.argsort(-counts, kind="stable")[:MOST_CLASSES]])
    return [(class_name(int(label)), labels == label) for label in largest]


def _classes(features: np.ndarray, groups: Groups) -> list[MapClass]:
    if not groups:
        return []
    # Without queries, scikit-learn leaves each row out of its own neighbors.
    nearest = NearestNeighbors(n_neighbors=NEIGHBORS).fit(features).kneighbors(return_distance=False)
    found = []
    for name, members in groups:
        counts = {other: int(mask[nearest[members]].sum()) for other, mask in groups if other != name}
        mixed = max(counts, key=lambda other: counts[other]) if any(counts.values()) else ""
        found.append(MapClass(name, int(members.sum()), float(members[nearest[members]].mean()), mixed))
    return found


def _draw(method: str, note: str, places: np.ndarray, groups: Groups) -> Map:
    low, high = np.percentile(places, (0.5, 99.5), axis=0)  # outliers must not compress the others
    scale = (SIDE - 2 * MARGIN) / max((high - low).max(), 1e-9)  # one for both axes, to keep distances
    points = np.clip((places - (low + high) / 2) * scale + SIDE / 2, MARGIN / 2, SIDE - MARGIN / 2)
    points[:, 1] = SIDE - points[:, 1]
    others = ~np.any([members for _, members in groups], axis=0) if groups else np.ones(len(points), bool)
    paths = [_path(points[members], shape_of(place)) for place, (_, members) in enumerate(groups)]
    return Map(method, note, [*paths, _path(points[others], SHAPES[0])], _labels(points, groups))


def shape_of(place: int) -> str:
    """Returns the mark of the class at this place; with ten colors, no two of twenty classes look the same."""
    return SHAPES[(place + place // 10) % len(SHAPES)]


def _path(points: np.ndarray, shape: str) -> str:
    return "".join(f"M{x:.0f} {y:.0f}{shape}" for x, y in points)


def _labels(points: np.ndarray, groups: Groups) -> list[tuple[float, float, str]]:
    """Places the name of each class at the median of its points, moved down until it covers no other."""
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
