"""What a run is going to do, in a few lines before its first step, with the flags that decide otherwise."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from aag_tf.config import OWN
from aag_tf.data import Source, Split, choose_bands, counted_by_reason
from aag_tf.training.open_run import OpenRun
from aag_tf.utils.stores import named
from aag_tf.utils.text import shown

NAMED_CLASSES = 5


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """Lines of `name` and text; as text, a block of them.

    Args:
        title: what the lines are about.
        lines: `{name: text}`, in order.
    """

    title: str
    lines: dict[str, str]

    def __str__(self) -> str:
        """The block, one line for each name."""
        width = max(map(len, self.lines))
        return "\n".join([self.title, *(f"  {name:{width}}  {shown(text)}" for name, text in self.lines.items())])


def summarize(run: OpenRun) -> RunSummary:
    """Returns what an open run is going to do; it reads nothing and writes nothing."""
    source, config, steps = run.source, run.config, run.steps
    lines = {"images": _images(source)}
    bands = choose_bands(source.image_shape[2], config.data.reading.shown_bands)
    if bands.caption:
        lines["pictures"] = bands.caption.removeprefix("pictures ")
    if source.skipped:
        lines["skipped"] = f"{counted_by_reason(source.skipped)}; all are named in {named(run.directory.skipped)}"
    lines |= {
        "classes": _classes(source),
        "splits": "; ".join(_splits(source)),
        "encoder": _encoder(run),
        "precision": f"{config.schedule.precision} on {_devices(run.model.distribute_strategy)} (--precision)",
        "steps": _steps(run),
        "monitoring": _monitoring(run),
        "saved in": run.directory.name + (f", from step {steps.start_step:,} on" if steps.start_step else ""),
    }
    return RunSummary("This run:" if steps.start_step == 0 else "This run goes on:", lines)


def _images(source: Source) -> str:
    height, width, channels = source.image_shape
    total = sum(len(split) for split in (source.train, source.validation, source.test) if split is not None)
    color = {1: "gray", 3: "RGB"}.get(channels, f"with {channels} channels")
    if source.train.images.has_sources:
        done = f"views of {height}x{width} {color} (--image_size) are cut from the pictures themselves (--crop_from)"
    else:
        done = f"resized to {height}x{width} {color} (--image_size)"
    return f"{total:,} of {shown(source.name)}, {done}"


def _classes(source: Source) -> str:
    labels = source.train.labels
    if labels is None:
        return "none known, and none needed: nothing is learned from labels"
    numbers, counts = np.unique(labels, return_counts=True)
    names = [str(number) if source.class_names is None else source.class_names[number] for number in numbers]
    named = [f"{name} ({count:,})" for name, count in zip(names[:NAMED_CLASSES], counts, strict=False)]
    more = f", {len(names) - NAMED_CLASSES} more" if len(names) > NAMED_CLASSES else ""
    return f"{len(names)}: {', '.join(named)}{more}; used to evaluate, not to train"


def _splits(source: Source) -> Iterator[str]:
    """Each split with its number of images and where it comes from."""
    parts: dict[str, Split | None] = {"train": source.train, "validation": source.validation, "test": source.test}
    for name, split in parts.items():
        if split is not None:
            origin = f", {source.origins[name]}" if name in source.origins else ""
            yield f"{name} {len(split):,}{origin}"
        elif name == "validation":
            yield "no validation (--validation_fraction holds some out)"
        else:
            yield f"no {name}, since there are no labels"


def _encoder(run: OpenRun) -> str:
    model, config = run.model, run.config.encoder
    name = f"{model.encoder.name}, passed to train()" if config.encoder == OWN else f"{config.encoder} (--encoder)"
    size = f"{model.encoder.count_params():,} parameters, embeddings of {model.encoder.output_shape[-1]:,}"
    return f"{name}, {size}; projector of {model.projector.count_params():,}"


def _devices(strategy: tf.distribute.Strategy) -> str:
    devices = strategy.extended.worker_devices
    kind = "GPU" if any("GPU" in device for device in devices) else "CPU"
    names = {
        tf.config.experimental.get_device_details(device).get("device_name", kind)
        for device in (tf.config.list_physical_devices("GPU") if kind == "GPU" else [])
    }
    count = strategy.num_replicas_in_sync
    return f"{count} replicas, {', '.join(sorted(names)) or kind}" if count > 1 else ", ".join(sorted(names)) or kind


def _steps(run: OpenRun) -> str:
    schedule, steps = run.config.schedule, run.steps
    left = steps.total_steps - steps.start_step
    decided = "--train_steps" if schedule.train_steps is not None else "--epochs"
    start = f"{left:,} left of {steps.total_steps:,}" if steps.start_step else f"{steps.total_steps:,}"
    epochs = f"{steps.total_steps / steps.steps_per_epoch:.3g} epochs of {steps.steps_per_epoch:,} steps"
    views = run.config.augment.num_views
    batch = (
        f"batches of {schedule.global_batch_size:,} images (--global_batch_size), {views} views of each (--aux_views)"
    )
    return f"{start}, {epochs} ({decided}); {batch}"


def _monitoring(run: OpenRun) -> str:
    """What is looked at while the run trains."""
    every = run.config.run.knn_every_epochs
    if every == 0:
        return "none during training (--knn_every_epochs=0)"
    held_out = run.monitored.validation
    if held_out is None:
        return "none during training, since no image is held out (--validation_fraction)"
    frequency = "every epoch" if every == 1 else f"every {every} epochs"
    what = "effective rank and uniformity" if held_out.labels is None else "kNN and linear probe"
    advice = "; --monitor_dataset=DATA takes labeled images" if held_out.labels is None else ""
    where = "" if run.monitored is run.source else f" of {shown(run.monitored.name)} (--monitor_dataset)"
    count = f"{len(held_out):,} held-out images{where}"
    return f"{what} of {count} {frequency} (--knn_every_epochs){advice}"
