"""What a fine-tuning is going to do, in a few lines before minutes of work, with the flags that decide otherwise."""

import numpy as np

from aag_tf.config import FinetuneConfig
from aag_tf.data import describe_source
from aag_tf.finetuning.encoder import Encoder
from aag_tf.finetuning.labels import LabeledImages
from aag_tf.finetuning.trial import LOOKS, Trial
from aag_tf.utils.summary import Summary
from aag_tf.utils.text import counted, shown

MOST_CLASSES = 20
FEW = 5  # held-out images a class


def summarize(
    config: FinetuneConfig,
    encoder: Encoder,
    labels: LabeledImages,
    trials: list[Trial],
    *,
    precision: str,
    refits: bool,
) -> Summary:
    """Returns what is going to be done; reads and writes nothing."""
    tuning = config.tuning
    found = describe_source(labels.source, size_from=encoder.subject().size_from)
    lines = {"encoder": _encoder(config, encoder, labels)}
    lines |= {name: text for name, text in found.items() if name in ("images", "skipped", "left out")}
    if labels.conversion:
        lines["converted"] = labels.conversion
    lines |= {
        "classes": _classes(labels),
        "splits": _splits(config, labels),
        "trainings": f"{_trainings(config, trials, refits=refits)}; in {precision} (--precision)",
        "views": _views(config, encoder),
        "chosen by": f"cross-entropy on the {len(labels.held_out):,} held-out images, every class counting equally: "
        f"learning rate of {len(tuning.rates)} (--learning_rates), step, temperature",
        "saved in": shown(config.output),
    }
    return Summary("This fine-tuning:", lines)


def warnings_of(labels: LabeledImages) -> list[str]:
    """Returns what is doubtful about the images, a sentence each."""
    found = []
    counts = labels.counts()
    missing = sum(count == 0 for count in counts["held_out"])
    held_out = sum(counts["held_out"])
    if missing:
        found.append(
            f"{missing} of {labels.num_classes} classes have no held-out image, so that nothing is chosen by them; "
            "label more of them, or raise --held_out_fraction."
        )
    elif held_out < FEW * labels.num_classes:
        found.append(
            f"{held_out:,} held-out images of {labels.num_classes} classes are few, so that what is chosen by them is "
            "largely chance; label more images."
        )
    if labels.test is None:
        found.append(
            "there are too few images for a test split, so that metrics are of the held-out images that everything is "
            "chosen by, and too good."
        )
    strange = int((labels.reported.owners < 0).sum())
    if strange:
        found.append(
            f"{strange:,} of {len(labels.reported):,} images of the {labels.reported_split} split are of classes "
            "without an image to learn from, and count as wrong."
        )
    return found


def _encoder(config: FinetuneConfig, encoder: Encoder, labels: LabeledImages) -> str:
    step = f", step {encoder.facts['step']:,}" if "step" in encoder.facts else ""
    height, width, channels = labels.image_shape
    size = f"{encoder.pretrained.encoder.count_params():,} parameters, embeddings of {encoder.dim:,}"
    scaled = ""
    if encoder.pretrained.record is None:
        scaled = f", pixels as {config.input_range or '0..255'} (--input_range)"
    return f"{shown(config.init_from)} (--init_from){step}: {size}, images of {height}x{width}x{channels}{scaled}"


def _classes(labels: LabeledImages) -> str:
    counts = labels.counts()
    each = np.sum([counts["train"], counts["held_out"]], axis=0).tolist()
    named = [f"{shown(name)} ({count:,})" for name, count in zip(labels.class_names, each, strict=True)]
    more = f", {len(named) - MOST_CLASSES} more of {min(each):,} to {max(each):,}" if len(named) > MOST_CLASSES else ""
    return (
        f"{labels.num_classes}: {', '.join(named[:MOST_CLASSES])}{more} beside the {labels.reported_split} split; the "
        "encoder learned from no label, so that new classes are fine"
    )


def _splits(config: FinetuneConfig, labels: LabeledImages) -> str:
    origin = "the data set's own validation split" if labels.own_validation else "--held_out_fraction"
    drawn = ""
    if config.tuning.label_percent < 100:
        drawn = f" of the {config.tuning.label_percent:g} % drawn (--label_percent, --seed)"
    parts = [f"{len(labels.train):,} to learn from and {len(labels.held_out):,} held out ({origin}){drawn}"]
    if labels.test is not None:
        where = labels.source.origins.get("test")
        parts.append(f"{len(labels.test):,} to report on{f' ({where})' if where else ''}, looked at once, in the end")
    return "; ".join(parts)


def _trainings(config: FinetuneConfig, trials: list[Trial], *, refits: bool) -> str:
    tuning, steps = config.tuning, trials[0].steps
    each = len(tuning.rates)
    scratch = f" and {each} from random weights (--noscratch)" if tuning.scratch else ""
    sampling = "classes take turns (--nobalanced)" if tuning.balanced else "in shuffled order (--balanced)"
    of_up_to = "of" if tuning.patience >= LOOKS else "of up to"
    ended = (
        "none ends early"
        if tuning.patience >= LOOKS
        else f"ended after {tuning.patience} of {LOOKS} looks at the held-out images without a better one"
    )
    again = "; the chosen ones again on held-out images too (--norefit)" if refits else ""
    return (
        f"{counted(each, 'training')} from the linear probe{scratch}, each {of_up_to} {steps:,} steps (--steps) of "
        f"{tuning.batch_size} images (--batch_size), {sampling}; {ended} (--patience){again}"
    )


def _views(config: FinetuneConfig, encoder: Encoder) -> str:
    if config.tuning.augment == "none":
        return "the images as they are (--augment)"
    views = config.tuning.views(encoder.augment)
    flips = "mirrored or not (--noflip)" if views.flip else "never mirrored (--flip)"
    color = f", changes of color of {views.color_strength:g}" if views.color_strength else ""
    origin = "the encoder's training" if encoder.pretrained.record is not None else "the defaults of training"
    return f"crops of {views.crop_min_area:g} to 1 of an image, {flips}{color} (--augment); as in {origin}"
