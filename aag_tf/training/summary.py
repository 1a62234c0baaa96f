"""What a run is going to do, in a few lines before its first step, with the flags that decide otherwise."""

from typing import Any

import tensorflow as tf

from aag_tf.config import MAIN_VIEWS, OWN
from aag_tf.data import choose_bands, describe_source
from aag_tf.training.extension import KIND
from aag_tf.training.open_run import OpenRun
from aag_tf.utils.stores import named
from aag_tf.utils.summary import Summary
from aag_tf.utils.text import shown


def summarize(run: OpenRun) -> Summary:
    """Returns what an open run is going to do; it reads nothing and writes nothing."""
    source, config, steps = run.source, run.config, run.steps
    lines = describe_source(source, named(run.directory.skipped))
    bands = choose_bands(source.image_shape[2], config.data.reading.shown_bands)
    if bands.caption:
        lines["pictures"] = bands.caption.removeprefix("pictures ")
    lines |= {
        "encoder": _encoder(run),
        **({} if run.record.initial_weights is None else {"weights": _weights(run.record.initial_weights)}),
        "precision": f"{config.schedule.precision} on {_devices(run.model.distribute_strategy)} (--precision)",
        "steps": _steps(run),
        **_schedule(run),
        "monitoring": _monitoring(run),
        "saved in": run.directory.name + (f", from step {steps.start_step:,} on" if steps.start_step else ""),
    }
    return Summary("This run:" if steps.start_step == 0 else "This run goes on:", lines)


def _encoder(run: OpenRun) -> str:
    model, config = run.model, run.config.encoder
    origin = "passed to train()" if run.record.initial_weights is None else "as it is there"
    name = f"{model.encoder.name}, {origin}" if config.encoder == OWN else f"{config.encoder} (--encoder)"
    size = f"{model.encoder.count_params():,} parameters, embeddings of {model.encoder.output_shape[-1]:,}"
    return f"{name}, {size}; projector of {model.projector.count_params():,}"


def _weights(facts: dict[str, Any]) -> str:
    """What the run began with."""
    step = f", step {facts['step']:,}" if "step" in facts else ""
    if facts["kind"] == KIND:
        return f"{shown(facts['source'])} (--extend){step}: encoder, projector and optimizer"
    parts = "encoder and projector" if facts["projector"] else "encoder; the projector from random weights"
    return f"{shown(facts['source'])} (--init_from){step}: {parts}"


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
    main_size, *_, last_size = run.model.views.sizes(run.source.image_shape)
    apart = f", {views - MAIN_VIEWS} of them of {last_size[0]}x{last_size[1]} (--aux_size)"
    batch = (
        f"batches of {schedule.global_batch_size:,} images (--global_batch_size), {views} views of each (--aux_views)"
        f"{'' if last_size == main_size else apart}"
    )
    return f"{start}, {epochs} ({decided}); {batch}"


def _schedule(run: OpenRun) -> dict[str, str]:
    """Where the learning rate begins to fall, and so from where the run can be made longer."""
    until = run.config.optimizer.constant_until(run.steps.total_steps)
    if until is None:
        return {}
    return {"learning rate": f"constant until step {until:,}, then to zero (--lr_schedule, --decay_fraction)"}


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
