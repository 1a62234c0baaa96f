"""The model card of an exported classifier in Markdown: what a person should know before using it."""

from aag_tf.export.model_card import describe_reading, signature_table
from aag_tf.runs.classifier_record import Figure
from aag_tf.runs.exported_classifier import CLASSIFY_BYTES, ClassifierMetadata
from aag_tf.utils.text import markdown

MOST_NAMED = 100


def classifier_card(metadata: ClassifierMetadata) -> str:
    """Returns the model card, Markdown, for the content of a `model.json`."""
    record = metadata.record
    height, width, channels = record.image_shape
    files = (
        "A picture file that cannot be decoded, or is too large, is `false` in `valid`, an empty `label` and a row of "
        "zeros; it does not affect the others of its batch. "
        if CLASSIFY_BYTES in metadata.signatures
        else ""
    )
    parts = [
        f"# Image classifier, version {metadata.version}",
        f"It turns a {height} x {width} picture with {channels} channel{'s' if channels > 1 else ''} into a "
        f"probability for each of {len(record.class_names)} classes, and an embedding of {metadata.embedding_dim} "
        "numbers.",
        "## How to call it",
        signature_table(metadata.signatures),
        "Preprocessing is inside. `probabilities` are in the order of `class_names` in `model.json`, and `label` is "
        f"the most probable class as text. Images of another shape or type are an error. {files}"
        f"{describe_reading(record.reading)}",
        "## Classes",
        _classes(record.class_names),
        "## What it was trained on",
        _origin(metadata),
        "## How good it is",
        _figures(record.figures),
        "## Limits",
        "It knows its classes alone: a picture of anything else gets one of them too, and not always a low "
        "probability. The figures above are measured on held-out pictures of the same kind, on which the probabilities "
        "are calibrated too; they say nothing about other pictures, about fairness between groups of people, or about "
        "safety.",
    ]
    return "\n\n".join(parts) + "\n"


def _classes(names: list[str]) -> str:
    rest = len(names) - MOST_NAMED
    named = ", ".join(f"`{markdown(name)}`" for name in names[:MOST_NAMED])
    return f"{named} and {rest} more in `model.json`." if rest > 0 else f"{named}."


def _origin(metadata: ClassifierMetadata) -> str:
    record = metadata.record
    data = f"labeled images of `{markdown(record.dataset)}`" if record.dataset else "labeled images"
    source = record.encoder.get("source")
    begun = f", from the weights of `{markdown(str(source))}`" if source else ""
    return (
        f"Fine-tuned on {data}{begun}. Temperature {record.temperature:.4g}, by which logits are divided. `model.json` "
        "has the digest of the weights that it began with, and the versions of the software."
    )


def _figures(figures: dict[str, Figure]) -> str:
    if not figures:
        return "Not measured."
    lines = ["With their interval where one is known:", "", "| | |", "| --- | --- |"]
    lines += [f"| {markdown(title)} | {_shown(figure)} |" for title, figure in figures.items()]
    return "\n".join(lines)


def _shown(figure: Figure) -> str:
    def number(value: float) -> str:
        return f"{100 * value:.1f} %" if figure.percent else f"{value:.4g}"

    if figure.low is None or figure.high is None:
        return number(figure.value)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"
