"""The model card of an exported encoder in Markdown: what a person should know before using it."""

from typing import Any

from aag_tf.config.embed_views import views_note
from aag_tf.data.files.reading import Reading
from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.results import FeatureResult, measure_titles, shown
from aag_tf.runs.exported import EMBED_BYTES, EMBED_VALUES, ExportMetadata


def model_card(metadata: ExportMetadata) -> str:
    """Returns the model card, Markdown, for the content of a `model.json`."""
    record = metadata.record
    flags = record.flags
    height, width, channels = record.image_shape
    parts = [
        f"# Image encoder, version {metadata.version}",
        f"{metadata.method} (arXiv 2009.07994). It turns a {height} x {width} picture with {channels} channel"
        f"{'s' if channels > 1 else ''} into {metadata.embedding_dim} numbers. Similar pictures get vectors that "
        "point the same way; compare them by cosine similarity, which for `normalized` is the dot product.",
        "## How to call it",
        signature_table(metadata.signatures),
        "Preprocessing is inside. Vectors are float32. Images of another shape or type are an error. "
        + _of_views(metadata)
        + _of_files(metadata)
        + _reading(metadata)
        + _of_keras(metadata),
        "## What it was trained on",
        f"`{flags['dataset']}`, without labels: `{flags['encoder']}`, {metadata.step} steps of "
        f"{flags['global_batch_size']} images, auxiliary branch `{flags['aux']}`, temperature {flags['temperature']}, "
        f"coupling {flags['coupling']}, seed {flags['seed']}. `model.json` has every flag and the versions of the "
        f"software. Kernels are stored in {metadata.weights}.",
        "## How good it is",
        _evaluation(metadata.evaluation),
        "## Limits",
        "It knows pictures like those it was trained on. The metrics above are measured on held-out pictures of the "
        "same kind; they say nothing about other pictures, about fairness between groups of people, or about safety. "
        "Its vectors are not anonymous: whoever holds them can search for pictures like the one they came from.",
    ]
    return "\n\n".join(parts) + "\n"


def _of_views(metadata: ExportMetadata) -> str:
    count = metadata.embed_views
    if count == 1:
        return ""
    return (
        f"{views_note(count)} The views are made inside, and go through the network together, so that a batch takes "
        f"the time and the memory of {count} times as many images; `normalized` is the mean scaled to length 1. "
    )


def _of_files(metadata: ExportMetadata) -> str:
    if EMBED_BYTES not in metadata.signatures:
        return ""
    return (
        "A picture file that cannot be decoded, or is too large, is `false` in `valid` and a row of zeros; it does not "
        "affect the others of its batch. "
    )


def _of_keras(metadata: ExportMetadata) -> str:
    if "keras" not in metadata.formats:
        return ""
    height, width, channels = metadata.record.image_shape
    return (
        f"\n\n`keras.models.load_model` opens `{metadata.formats['keras']}` with Keras alone. It takes pixels from 0 "
        f"to 255, uint8 or float32 [any, {height}, {width}, {channels}], and gives `embedding`; scaling is its first "
        "layer."
    )


def describe_reading(reading: Reading) -> str:
    """Returns what becomes of pictures of another shape, in a sentence."""
    return {
        "crop": "Of pictures of another shape the largest centered part is taken.",
        "pad": "Pictures of another shape are kept whole, with black beside them.",
        "stretch": "Pictures of another shape are stretched.",
    }[reading.fit]


def _reading(metadata: ExportMetadata) -> str:
    """How images were read in training, and are read here."""
    reading = metadata.record.reading
    text = describe_reading(reading)
    if EMBED_VALUES in metadata.signatures and reading.value_range is not None:
        low, high = reading.value_range
        text += (
            f" The data's values from {low:g} to {high:g} become the 256 levels of a pixel, and values beyond are "
            "clipped: `embed_values` takes them as they are"
            + (", and `embed_bytes` 16-bit PNG files that hold them." if EMBED_BYTES in metadata.signatures else ".")
        )
    return text


def signature_table(signatures: dict[str, Any]) -> str:
    """Returns the table of the signatures of a `model.json`."""
    lines = ["| signature | takes | gives |", "| --- | --- | --- |"]
    for name, description in signatures.items():
        lines.append(f"| `{name}` | {_tensors(description['inputs'])} | {_tensors(description['outputs'])} |")
    return "\n".join(lines)


def _tensors(tensors: dict[str, Any]) -> str:
    def text(name: str, tensor: dict[str, Any]) -> str:
        shape = ", ".join("any" if side is None else str(side) for side in tensor["shape"])
        return f"`{name}` {tensor['dtype']} [{shape}]"

    return "; ".join(text(name, tensor) for name, tensor in tensors.items())


def _evaluation(evaluation: dict[str, Any] | None) -> str:
    if evaluation is None:
        return "Not evaluated when it was exported: `aag-evaluate` measures it."
    data = evaluation["data"]
    results = [
        FeatureResult(entry["features"], entry["dim"], [Measure(**measure) for measure in entry["measures"]])
        for entry in evaluation["results"]
    ]
    lines = [
        f"Frozen features of {data['num_queries']} images of the {data['split']} split of `{data['dataset']}`, "
        f"evaluated with {data['num_bank']} others; accuracies in per cent with their 95 % interval, beside the "
        "baselines:",
        "",
        "| | " + " | ".join(result.features for result in results) + " |",
        "| --- |" + " --- |" * len(results),
    ]
    for name, title in measure_titles(results).items():
        lines.append(f"| {title} | " + " | ".join(shown(result.measure(name)) for result in results) + " |")
    return "\n".join(lines)
