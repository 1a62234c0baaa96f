"""From an encoder and few labels to a classifier: linear probe, then the whole network from it (LP-FT).

A. Kumar et al., *Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution*, arXiv 2202.10054
(2022): a classifier that starts from the linear probe does not first distort good features by random weights on top.
"""

import functools
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from aag_tf import config as configs
from aag_tf.config import FinetuneConfig
from aag_tf.data import report_lost_files
from aag_tf.data.splits import SPLIT_SEED
from aag_tf.encoders import dtype_policy
from aag_tf.encoders.keras_files import load_keras_file
from aag_tf.evaluation.checks import check_features, check_not_collapsed
from aag_tf.evaluation.features import embed, inference
from aag_tf.evaluation.few_labels import fit_few
from aag_tf.evaluation.linear_probe import LinearProbe
from aag_tf.evaluation.views import main_branch
from aag_tf.finetuning.classifier import classifier_record
from aag_tf.finetuning.figures import FINE_TUNED, PROBE, PROBE_OF_ALL, SCRATCH
from aag_tf.finetuning.job import Job, open_job
from aag_tf.finetuning.labels import Labeled, LabeledImages
from aag_tf.finetuning.network import head_of
from aag_tf.finetuning.output import REPORT_FILE, RESULTS_FILE, TRIALS, output_directory
from aag_tf.finetuning.page import finetuning_page
from aag_tf.finetuning.record import Finetuning
from aag_tf.finetuning.results import Logits, describe_data, measure
from aag_tf.finetuning.sampling import SampleOrder
from aag_tf.finetuning.summary import warnings_of
from aag_tf.finetuning.training import run_trial
from aag_tf.finetuning.trial import BEST_FILE, FROM_ENCODER, FROM_RANDOM, TrialResult
from aag_tf.finetuning.trial_looks import EMBED_BATCH
from aag_tf.finetuning.trial_steps import TrialImages
from aag_tf.preflight.finetune import check_finetune_output
from aag_tf.report.page import write_page
from aag_tf.runs.classifier_files import write_classifier
from aag_tf.runs.classifier_record import EMBEDDING_LAYER
from aag_tf.utils import environment
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.log import logger
from aag_tf.utils.progress import about
from aag_tf.utils.summary import Summary
from aag_tf.utils.text import counted
from aag_tf.utils.versions import versions


@dtype_policy("float32")
def finetune(config: FinetuneConfig) -> Finetuning:
    """Makes a classifier of an encoder and few labels, and writes it with its metrics into a directory.

    A linear probe on the frozen encoder comes first; from it the whole network is trained, once for each learning rate.
    Which training, and which of its steps, becomes the classifier is decided by held-out labels, and so is the
    temperature of its probabilities. The test split is looked at once, in the end. What is going to be done is logged
    before, on the logger `aag_tf`.

    The directory gets `classifier.keras` (pixels from 0 to 255, float32 `[b, height, width, channels]`, to logits,
    float32 `[b, classes]`; Keras's own layers alone, the embedding in a layer of that name), `classifier.json`
    (classes, temperature, how images are read), `finetune.json` (every metric), `report.html`, and `trials/` with
    TensorBoard's event files.

    Args:
        config: every setting.

    Raises:
        AagError: settings, encoder, images or directory do not allow it.
        StoppedError: a signal came; `resume` goes on with the same result, bit for bit on one machine.
    """
    if config.dry_run:
        raise ConfigError("--dry_run trains nothing; call aag_tf.finetuning.plan, or leave it out.")
    environment.tell()
    began = time.perf_counter()
    check_finetune_output(config)
    job = open_job(config)
    for doubt in warnings_of(job.labels):
        logger.warning("%s", doubt)
    logger.info(job.summary())
    with output_directory(config, job.facts) as path, report_lost_files():
        return _finetune(job, path, began)


@dtype_policy("float32")
def plan(config: FinetuneConfig) -> Summary:
    """Returns what `finetune` would do with these settings, after its checks; writes nothing.

    Raises:
        AagError: settings, encoder, images or directory do not allow it.
    """
    environment.tell()
    check_finetune_output(config)
    job = open_job(config)
    for doubt in warnings_of(job.labels):
        logger.warning("%s", doubt)
    return job.summary()


def _finetune(job: Job, path: Path, began: float) -> Finetuning:
    labels, tuning = job.labels, job.config.tuning
    features = embedder(job)
    train, held_out = (features(split) for split in (labels.train, labels.held_out))
    check_features(train, "labeled")
    check_not_collapsed(train, "labeled")
    probe = fit_few(train, labels.train.owners)
    trials = _run_all(job, path, probe)
    chosen = best_of(trials, FROM_ENCODER)

    names = {FINE_TUNED: chosen}
    if tuning.scratch:
        names[SCRATCH] = best_of(trials, FROM_RANDOM)
    models = {name: load_keras_file(path / TRIALS / each.trial.name / BEST_FILE) for name, each in names.items()}
    logits = {name: _logits(labels, model) for name, model in models.items()}
    reported = features(labels.reported)
    kernel, bias = head_of(probe)
    logits[PROBE] = Logits(held_out @ kernel + bias, reported @ kernel + bias)
    of_all = fit_few(np.concatenate([train, held_out]), np.concatenate([labels.train.owners, labels.held_out.owners]))
    ordered = {name: logits[name] for name in (FINE_TUNED, PROBE, SCRATCH) if name in logits}
    measured = measure(labels, ordered, {PROBE_OF_ALL: of_all.predict(reported)}, job.encoder.dim, tuning.seed)

    result = Finetuning(
        **measured,
        trials=trials,
        chosen=chosen,
        encoder=job.encoder.facts,
        data=describe_data(labels),
        settings=configs.to_flat(job.config) | {"probe_l2": probe.l2},
        command=shlex.join(["aag-finetune", *configs.flag_lines(job.config)]),
        seeds={"finetuning": tuning.seed, "splits": SPLIT_SEED},
        versions=versions(),
        seconds=time.perf_counter() - began,
        path=path,
    )
    write_classifier(path, models[FINE_TUNED], classifier_record(result, labels))
    write_atomically(path / RESULTS_FILE, result.to_json())
    if job.config.report:
        write_page(path / REPORT_FILE, finetuning_page(result))
    return result


def embedder(job: Job) -> Callable[[Labeled], np.ndarray]:
    """Returns what maps images to the embeddings of the encoder as it came, float32 [n, d]."""
    classifier = job.build(FROM_ENCODER)[1]
    network = keras.Model(classifier.inputs, classifier.get_layer(EMBEDDING_LAYER).output)
    call = inference(network, job.labels.image_shape)
    return lambda labeled: embed(call, labeled.images.images, EMBED_BATCH, name="embedding")


def trial_images(job: Job) -> TrialImages:
    """Returns what the trainings learn from and are chosen by."""
    labels, tuning = job.labels, job.config.tuning
    views = tuning.views(job.encoder.augment)
    return TrialImages(
        labels.train,
        labels.held_out,
        None if tuning.augment == "none" else main_branch(views, labels.image_shape),
        SampleOrder(labels.train.owners, tuning.seed, balanced=tuning.balanced),
    )


def best_of(results: list[TrialResult], start: str) -> TrialResult:
    """Returns the training with the lowest cross-entropy on held-out images; of equals the slowest learning."""
    return min((each for each in results if each.start == start), key=lambda each: each.cross_entropy)


def _run_all(job: Job, path: Path, probe: LinearProbe) -> list[TrialResult]:
    tuning, images = job.config.tuning, trial_images(job)
    results = []
    for number, trial in enumerate(job.trials):
        left = len(job.trials) - number

        def tell(seconds: float, left: int = left) -> None:
            if left == len(job.trials):
                logger.info("%s at most for %s.", about(seconds * left), counted(left, "training"))

        build = functools.partial(job.build, trial.start)
        head = head_of(probe) if trial.start == FROM_ENCODER else None
        directory = path / TRIALS / trial.name
        result = run_trial(trial, build, images, tuning, directory, head=head, policy=job.precision, told=tell)
        logger.info(
            "%s: held-out accuracy %.1f %% at step %s%s.",
            trial.title,
            100 * result.accuracy,
            f"{result.best_step:,}",
            ", then the loss was not finite" if result.diverged else "",
        )
        results.append(result)
    return results


def _logits(labels: LabeledImages, model: keras.Model) -> Logits:
    call = inference(model, labels.image_shape)
    held_out, reported = (
        embed(call, split.images.images, EMBED_BATCH, name="classifying")
        for split in (labels.held_out, labels.reported)
    )
    return Logits(held_out, reported)
