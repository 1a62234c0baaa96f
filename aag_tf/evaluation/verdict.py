"""Verdicts: whether each metric of an encoder is above its baselines, by the intervals; numbers only, no words.

Metrics without an interval get a verdict of their own: whether the encoder has collapsed, and whether it recognizes the
views of an image.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.results import BALANCED, MAJORITY, RAW_PIXELS, UNTRAINED, FeatureResult

# Outcomes of a comparison.
ABOVE, SAME, BELOW, TOO_FEW = "above", "same", "below", "too few images"
# Outcomes for metrics without an interval.
COLLAPSED, LOW_RANK, NOT_COLLAPSED = "collapsed", "low rank", "not collapsed"
VIEWS_NEAR, VIEWS_FAR = "views near", "views far"

FEWEST_IMAGES = 30  # below, the bootstrap interval of a share is far too narrow
ACCURACIES = ("knn", "linear", "few_labels_probe", "fine_tune")  # beginnings of names; the largest class is a baseline
PARTS = ("robustness_",)  # of a metric that has a verdict itself

# Wang and Isola's uniformity: above -0.02 the squared distance of two embeddings averages 0.01, a cosine of 0.995.
COLLAPSED_UNIFORMITY = -0.02
COLLAPSED_RANK = 1.5
LOW_RANK_SHARE = 0.05  # of the largest rank that so many images and dimensions allow
NEAR_SHARE = 0.5  # of the mean squared distance of two images, below which views of one image count as near


@dataclasses.dataclass(frozen=True)
class Against:
    """A metric beside that of one baseline.

    Args:
        baseline: `RAW_PIXELS`, `UNTRAINED` or `MAJORITY`.
        outcome: `ABOVE` or `BELOW` where the two 95 % intervals do not overlap, `SAME` where they do, and `TOO_FEW`
            where there are fewer than 30 images.
        difference: the encoder's value less the baseline's, in [-1, 1].
    """

    baseline: str
    outcome: str
    difference: float


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What one metric says.

    Args:
        measure: name of the metric.
        outcome: the least favorable one among the baselines; for metrics without an interval, one of those above.
        against: the comparisons; empty for metrics without an interval.
        numbers: that a metric without an interval is seen beside, by name.
    """

    measure: str
    outcome: str
    against: list[Against] = dataclasses.field(default_factory=list)
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)


def find_verdicts(results: Sequence[FeatureResult], main: FeatureResult) -> list[Verdict]:
    """Returns a verdict for each metric of `main` that allows one, in the order of its metrics.

    Args:
        results: of the baselines, by their names; others are ignored.
        main: the results of the evaluated encoder.
    """
    baselines = [result for result in results if result.features in (RAW_PIXELS, UNTRAINED) and result is not main]
    found = []
    for measure in main.measures:
        if measure.low is not None:
            against = list(_comparisons(measure, baselines, main))
            if against:
                found.append(Verdict(measure.name, _worst(against), against))
        elif measure.name == "alignment":
            found += _of_views(measure, main.measure("uniformity"))
        elif measure.name == "rankme":
            untrained = next((result.measure("rankme") for result in baselines if result.features == UNTRAINED), None)
            found.append(_of_rank(measure, main.measure("uniformity"), untrained))
    return found


def compare_intervals(measure: Measure, baseline: Measure) -> str:
    """Returns the outcome of one comparison of two shares with their intervals."""
    assert measure.low is not None
    assert measure.high is not None
    assert baseline.low is not None
    assert baseline.high is not None
    if min(measure.n, baseline.n) < FEWEST_IMAGES:
        return TOO_FEW
    if measure.low > baseline.high:
        return ABOVE
    return BELOW if measure.high < baseline.low else SAME


def _comparisons(measure: Measure, baselines: Sequence[FeatureResult], main: FeatureResult) -> Iterator[Against]:
    if measure.name == MAJORITY or measure.name.startswith(PARTS):
        return
    pairs = [(result.features, result.measure(measure.name)) for result in baselines]
    if measure.name.startswith(ACCURACIES) and not measure.name.endswith(BALANCED):
        pairs.append((MAJORITY, main.measure(MAJORITY)))
    for name, baseline in pairs:
        if baseline is None or baseline.low is None:
            continue
        against = Against(name, compare_intervals(measure, baseline), measure.value - baseline.value)
        # To be above the largest class is no news beside the other baselines.
        if name != MAJORITY or against.outcome != ABOVE or len(pairs) == 1:
            yield against


def _worst(against: Sequence[Against]) -> str:
    outcomes = {each.outcome for each in against}
    return next(outcome for outcome in (TOO_FEW, BELOW, SAME, ABOVE) if outcome in outcomes)


def _of_views(alignment: Measure, uniformity: Measure | None) -> list[Verdict]:
    """Sets the distance of two views beside that of two images: alone, the lowest alignment is that of a collapse."""
    if uniformity is None:
        return []
    # Evaluations of earlier versions have uniformity alone: log mean exp(-2 d²) >= -2 mean d², by Jensen's inequality.
    apart = uniformity.details.get("mean_squared_distance", max(0.0, -uniformity.value / 2))
    numbers = {"views_apart": alignment.value, "images_apart": apart}
    if uniformity.value > COLLAPSED_UNIFORMITY:
        outcome = COLLAPSED
    else:
        outcome = VIEWS_NEAR if alignment.value < NEAR_SHARE * apart else VIEWS_FAR
    return [Verdict("alignment", outcome, numbers=numbers)]


def _of_rank(rank: Measure, uniformity: Measure | None, untrained: Measure | None) -> Verdict:
    numbers = {"rank": rank.value}
    largest = rank.details.get("largest")
    if largest is not None:
        numbers["largest"] = largest
    if untrained is not None:
        numbers["untrained"] = untrained.value
    alike = uniformity is not None and uniformity.value > COLLAPSED_UNIFORMITY
    if alike or rank.value < COLLAPSED_RANK:
        outcome = COLLAPSED
    else:
        outcome = LOW_RANK if largest is not None and rank.value < LOW_RANK_SHARE * largest else NOT_COLLAPSED
    return Verdict("rankme", outcome, numbers=numbers)
