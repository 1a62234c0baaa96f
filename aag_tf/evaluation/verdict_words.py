"""Verdicts in words: a line for each, and what to try where an encoder is not above its baselines."""

from collections.abc import Sequence

from aag_tf.evaluation import verdict as outcomes
from aag_tf.evaluation.results import MAJORITY, RAW_PIXELS, UNTRAINED, FeatureResult, title
from aag_tf.evaluation.verdict import Against, Verdict

BASELINES = {RAW_PIXELS: "raw pixels", UNTRAINED: "the untrained encoder", MAJORITY: "the largest class"}
NEARLY_SOLVED = 0.95  # accuracy of raw pixels above which there is little to gain

TRY = (
    "Not above a baseline: the training is probably too short, or its views do not suit the images. Try one at a time: "
    "more --epochs; a --temperature between 0.1 and 0.5; a larger --crop_min_area where crops lose the subject; a "
    "lower --color_strength where color matters; --noflip where left and right differ (aag-augment shows the views)."
)
OTHER_IMAGES = (
    "Not above a baseline: the encoder was trained on other images; train one on these, or on images more like them."
)
OTHER_MODEL = "Not above a baseline: these features do not suit the images; evaluate another model or training."
SOLVED = "Raw pixels already reach {:.0f} % on these images, so there is little left to gain."
TOO_FEW = "With {} evaluated images chance decides; evaluate at least {} for a verdict, better hundreds."
COLLAPSED = (
    "Collapsed: train again with a lower --learning_rate, a longer --warmup_fraction, --projector_batch_norm or a "
    "--temperature between 0.1 and 0.5."
)


def sentence(verdict: Verdict, main: FeatureResult) -> str:
    """Returns one line.

    Args:
        verdict: of a metric.
        main: the results that it is about, which have the metric.
    """
    measure = main.measure(verdict.measure)
    assert measure is not None
    if verdict.measure == "alignment":
        return _of_views(verdict)
    if verdict.measure == "rankme":
        return _of_rank(verdict)
    if verdict.outcome == outcomes.TOO_FEW:
        return f"{title(measure)}: {measure.n} evaluated images are too few for a verdict."
    return f"{title(measure)}: {'; '.join(_grouped(verdict.against))}."


def advice(
    verdicts: Sequence[Verdict],
    main: FeatureResult,
    results: Sequence[FeatureResult],
    *,
    own: bool,
    transfer: bool = False,
) -> list[str]:
    """Returns what to try, a line for each fault; none where every metric is above its baselines.

    Args:
        verdicts: of all metrics.
        main: the results that they are about.
        results: of all feature sets.
        own: whether the encoder was trained by `aag-train`, whose settings the advice names.
        transfer: whether it was trained on other images.
    """
    found = {verdict.outcome for verdict in verdicts}
    lines = []
    if outcomes.TOO_FEW in found:
        count = min(measure.n for measure in main.measures)
        lines.append(TOO_FEW.format(count, outcomes.FEWEST_IMAGES))
    if outcomes.COLLAPSED in found:
        lines.append(COLLAPSED if own else "Collapsed: this model says nearly the same of every image.")
    elif {outcomes.SAME, outcomes.BELOW} & found:
        weak = {verdict.measure for verdict in verdicts if verdict.outcome in (outcomes.SAME, outcomes.BELOW)}
        pixels = next((result for result in results if result.features == RAW_PIXELS), None)
        shares = [measure.value for measure in pixels.measures if measure.name in weak] if pixels else []
        solved = bool(shares) and max(shares) >= NEARLY_SOLVED
        if solved:
            lines.append(SOLVED.format(100 * max(shares)))
        if not solved or outcomes.BELOW in found:
            lines.append((OTHER_IMAGES if transfer else TRY) if own else OTHER_MODEL)
    return lines


def _grouped(against: Sequence[Against]) -> list[str]:
    """Returns a phrase for each outcome: "15.9 points above raw pixels, 50.7 above the untrained encoder"."""
    phrases = []
    for outcome in (outcomes.ABOVE, outcomes.BELOW):
        parts = [
            f"{100 * abs(each.difference):.1f}{{}} {outcome} {BASELINES[each.baseline]}"
            for each in against
            if each.outcome == outcome
        ]
        if parts:
            phrases.append(", ".join(part.format("" if place else " points") for place, part in enumerate(parts)))
    same = [BASELINES[each.baseline] for each in against if each.outcome == outcomes.SAME]
    if same:
        phrases.append(f"cannot be told apart from {_listed(same)} (the intervals overlap)")
    return phrases


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _of_views(verdict: Verdict) -> str:
    views, images = verdict.numbers["views_apart"], verdict.numbers["images_apart"]
    meaning = {
        outcomes.COLLAPSED: "all images are nearly alike to the encoder, and a low alignment means nothing then",
        outcomes.VIEWS_NEAR: "views are recognized",
        outcomes.VIEWS_FAR: "views are hardly recognized",
    }[verdict.outcome]
    return (
        f"alignment beside uniformity: two views of an image are {views:.2f} apart, two images {images:.2f}: {meaning}."
    )


def _of_rank(verdict: Verdict) -> str:
    numbers = verdict.numbers
    most = f" of at most {numbers['largest']:.0f}" if "largest" in numbers else ""
    beside = f" (untrained encoder: {numbers['untrained']:.1f})" if "untrained" in numbers else ""
    meaning = {
        outcomes.COLLAPSED: "the encoder has collapsed: it says nearly the same of every image",
        outcomes.LOW_RANK: "few directions are used, so the embedding carries little information",
        outcomes.NOT_COLLAPSED: "not collapsed; only labels can show how well it tells classes apart",
    }[verdict.outcome]
    return f"effective rank {numbers['rank']:.1f}{most}{beside}: {meaning}."
