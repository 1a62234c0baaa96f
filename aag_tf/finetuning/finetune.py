"""From an encoder and few labels to a classifier: linear probe, then the whole network from it (LP-FT).

A. Kumar et al., *Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution*, arXiv 2202.10054
(2022): a classifier that starts from the linear probe does not first distort good features by random weights on top.
"""

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
from aag_tf.evaluation.checks import check_features, check_not_collapsed
from aag_tf.evaluation.features import embed, inference
from aag_tf.evaluation.few_labels import fit_few
from aag_tf.evaluation.linear_probe import LinearProbe, fit_linear_probe
from aag_tf.finetuning.classifier import classifier_record
from aag_tf.finetuning.figures import FINE_TUNED, PROBE, PROBE_OF_ALL, SCRATCH
from aag_tf.finetuning.job import Job, open_job
from aag_tf.finetuning.labels import Labeled
from aag_tf.finetuning.network import head_of
from aag_tf.finetuning.output import REPORT_FILE, RESULTS_FILE, output_directory
from aag_tf.finetuning.page import finetuning_page
from aag_tf.finetuning.record import Finetuning
from aag_tf.finetuning.results import Logits, describe_data, measure
from aag_tf.finetuning.summary import warnings_of
from aag_tf.finetuning.trial import FROM_ENCODER, FROM_RANDOM
from aag_tf.finetuning.trial_looks import EMBED_BATCH
from aag_tf.finetuning.trials import best_model, best_of, refit, run_all
from aag_tf.preflight.finetune import check_finetune_output
from aag_tf.report.page import write_page
from aag_tf.runs.classifier_files import write_classifier
from aag_tf.runs.classifier_record import EMBEDDING_LAYER
from aag_tf.utils import environment
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.log import logger
from aag_tf.utils.summary import Summary
from aag_tf.utils.versions import versions


@dtype_policy("float32")
def finetune(config: FinetuneConfig) -> Finetuning:
    """Makes a classifier of an encoder and few labels, and writes it with its metrics into a directory.

    A linear probe on the frozen encoder comes first; from it the whole network is trained, once for each learning rate.
    Which training, and which of its steps, becomes the classifier is decided by held-out labels, and so is the
    temperature of its probabilities. Then, with `refit`, the chosen training is repeated to that step with the held-out
    images among those it learns from, and so are the baselines. The test split is looked at once, in the end. What is
    going to be done is logged before, on the logger `aag_tf`.

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
    trials = run_all(job, path, probe)
    kept, more = probe, {}
    labeled = np.concatenate([train, held_out])
    if job.refits:  # as regularized before, so that confidence, and with it the temperature, is of the same scale
        kept = fit_linear_probe(labeled, labels.all.owners, l2_grid=[probe.l2])
    elif labels.test is not None:
        more = {PROBE_OF_ALL: fit_few(labeled, labels.all.owners)}

    starts = {FINE_TUNED: FROM_ENCODER, **({SCRATCH: FROM_RANDOM} if tuning.scratch else {})}
    chosen = {name: best_of(trials, start) for name, start in starts.items()}
    models, logits = {}, {}
    for name, best in chosen.items():
        model = best_model(path, best.trial)
        of_held_out = _logits(labels.held_out, model)
        if job.refits:
            model = best_model(path, refit(job, path, best, kept))
        models[name], logits[name] = model, Logits(of_held_out, _logits(labels.reported, model))
    reported = features(labels.reported)
    logits[PROBE] = Logits(_apply(probe, held_out), _apply(kept, reported))
    ordered = {name: logits[name] for name in (FINE_TUNED, PROBE, SCRATCH) if name in logits}
    predicted = {name: each.predict(reported) for name, each in more.items()}
    measured = measure(labels, ordered, predicted, job.encoder.dim, tuning.seed)

    result = Finetuning(
        **measured,
        trials=trials,
        chosen=chosen[FINE_TUNED],
        encoder=job.encoder.facts,
        data=describe_data(labels, refit=job.refits),
        settings=configs.to_flat(job.config) | {"probe_l2": kept.l2},
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


def _apply(probe: LinearProbe, features: np.ndarray) -> np.ndarray:
    kernel, bias = head_of(probe)
    return features @ kernel + bias


def _logits(labeled: Labeled, model: keras.Model) -> np.ndarray:
    call = inference(model, labeled.images.images.shape)
    return embed(call, labeled.images.images, EMBED_BATCH, name="classifying")
