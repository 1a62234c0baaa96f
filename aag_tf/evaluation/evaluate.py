"""Evaluates an encoder beside raw pixels and its untrained self: the same images, measures and settings for all."""

import dataclasses
import shlex
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from aag_tf import config as configs
from aag_tf.config import EvaluateConfig
from aag_tf.encoders import dtype_policy
from aag_tf.evaluation.checks import check_enough
from aag_tf.evaluation.choices import choose_k
from aag_tf.evaluation.evaluation import Evaluation
from aag_tf.evaluation.feature_set import Embed, Examples, FeatureSet
from aag_tf.evaluation.features import Encoder, centered_pixels, embed, inference
from aag_tf.evaluation.fine_tune import supervised_encoder
from aag_tf.evaluation.linear_probe import L2_GRID, SPLIT_SEED
from aag_tf.evaluation.measures import measure_all
from aag_tf.evaluation.output import evaluation_path
from aag_tf.evaluation.results import GIVEN, RAW_PIXELS, SUPERVISED, TRAINED, UNTRAINED
from aag_tf.evaluation.subjects import EvaluationImages, Subject, load_subject, open_images, read_feature_files
from aag_tf.utils import environment
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import ConfigError, EvaluationError
from aag_tf.utils.log import logger
from aag_tf.utils.stores import publish
from aag_tf.utils.versions import versions


@dtype_policy("float32")
def evaluate(config: EvaluateConfig) -> Evaluation:
    """Measures an encoder and its baselines on the same images, and writes the results as JSON.

    The file is `config.output`, by default `evaluation.json` in the run directory. Other models have no default, so
    that without `output` nothing is written for them. No page is drawn: `aag_tf.write_report` does that, and
    `config.report` is read by the command alone. Long work shows progress bars, except inside `no_progress()` of
    `aag_tf.utils.progress`.

    Args:
        config: what to evaluate, on which data.

    Raises:
        ConfigError: the config is one for `compare`.
        EvaluationError: the data has no labels, no such split, one class or too few images; features are not finite;
            the file cannot be written.
        RunDirectoryError, ExportError, DataError: there is no such run, model or data set.
    """
    environment.tell()
    if config.compare is not None:
        raise ConfigError(f"--compare={config.compare} names existing evaluations; give them to aag_tf.compare.")
    began = time.perf_counter()
    path = evaluation_path(config)
    evaluation = _evaluate_files(config) if config.train_features is not None else _evaluate_images(config)
    evaluation = dataclasses.replace(evaluation, seconds=time.perf_counter() - began, path=path)
    if path is not None:
        write_atomically(path, evaluation.to_json())
        publish(path)
    return evaluation


def _evaluate_images(config: EvaluateConfig) -> Evaluation:
    subject = load_subject(config)
    _check_trainable(config, subject)
    images = open_images(config, subject)
    config = dataclasses.replace(config, protocol=images.protocol)
    _check_labels_for_training(config)
    bank, queries = images.bank, images.queries
    check_enough(_both(bank.labels, queries.labels), len(bank), config.protocol)
    data = {
        "dataset": images.source.name,
        "split": config.protocol.split,
        **_counts(bank.labels, len(bank), len(queries)),
        "class_names": images.source.class_names,
        "image_shape": list(bank.images.shape),
        "conversion": images.conversion,
        "shown_bands": subject.shown_bands,
    }
    seeds = {"untrained_encoder": subject.seed}
    return _measure(config, feature_sets(config, subject, images), subject.facts, data, seeds)


def _evaluate_files(config: EvaluateConfig) -> Evaluation:
    """Evaluates features from files, which have no baselines."""
    train, test = str(config.train_features), str(config.test_features)
    protocol = config.protocol
    is_open = protocol.measures is None or protocol.all_measures
    bank, queries = read_feature_files(train, test, labeled=None if is_open else protocol.needs_labels)
    if is_open and bank.labels is None:
        logger.warning("the features have no labels, so they are evaluated by what needs none (--measures=unlabeled).")
        protocol = dataclasses.replace(protocol, measures="unlabeled")
    measures = protocol.measures or ",".join(protocol.measure_names)
    protocol = dataclasses.replace(protocol, measures=measures)
    config = dataclasses.replace(config, protocol=choose_k(protocol, bank.labels, len(bank.features)))
    check_enough(_both(bank.labels, queries.labels), len(bank.features), config.protocol)
    data = {
        "dataset": train,
        "split": test,
        **_counts(bank.labels, len(bank.features), len(queries.features)),
        "class_names": None,
        "image_shape": None,
        "conversion": "",
        "shown_bands": None,
    }
    feature_set = FeatureSet(GIVEN, bank, queries, config.protocol)
    return _measure(config, [feature_set], {"train_features": train, "test_features": test}, data, {})


def _both(bank: np.ndarray | None, queries: np.ndarray | None) -> np.ndarray | None:
    """Returns the labels of the bank where the queries have labels too: otherwise nothing is classified."""
    return None if queries is None else bank


def _counts(labels: np.ndarray | None, num_bank: int, num_queries: int) -> dict[str, int | None]:
    classes = None if labels is None else len(np.unique(labels))
    return {"num_bank": num_bank, "num_queries": num_queries, "num_classes": classes}


def _measure(
    config: EvaluateConfig,
    features: Iterable[FeatureSet],
    subject: dict[str, Any],
    data: dict[str, Any],
    seeds: dict[str, int],
) -> Evaluation:
    results = []
    evaluated = None
    for feature_set in features:
        results.append(measure_all(feature_set))
        evaluated = feature_set if feature_set.name in (TRAINED, GIVEN) else evaluated
    return Evaluation(
        results=results,
        subject=subject,
        data=data,
        settings=configs.to_flat(config) | {"linear_l2_grid": list(L2_GRID)},
        command=shlex.join(["aag-evaluate", *configs.flag_lines(config)]),
        seeds={"evaluation": config.protocol.seed, "linear_held_out": SPLIT_SEED} | seeds,
        versions=versions(),
        seconds=0.0,
        feature_set=evaluated,
    )


def _check_trainable(config: EvaluateConfig, subject: Subject) -> None:
    """Rejects, before minutes of other work, training that the subject does not allow."""
    protocol = config.protocol
    if "fine_tune" in protocol.measure_names and not protocol.all_measures and subject.network is None:
        raise EvaluationError(
            "a SavedModel is a frozen graph, so --measures=fine_tune cannot train it; evaluate the run or a .keras "
            "file."
        )
    if protocol.supervised_epochs > 0 and subject.untrained is None:
        raise EvaluationError(
            "the architecture of this SavedModel is not known, so --supervised_epochs cannot train a new one; leave it "
            "out."
        )


def _check_labels_for_training(config: EvaluateConfig) -> None:
    if config.protocol.supervised_epochs > 0 and not config.protocol.needs_labels:
        raise EvaluationError("--supervised_epochs needs labels; leave it out with --measures=unlabeled.")


def feature_sets(config: EvaluateConfig, subject: Subject, images: EvaluationImages) -> Iterator[FeatureSet]:
    """Yields the features of the baselines, of the encoder, and of a supervised one if asked for.

    Each is computed when its turn comes, so that few networks are in memory at a time.
    """
    protocol, fresh = config.protocol, subject.untrained
    shape = images.bank.images.shape
    # All views of an image go through the encoder in one batch, which then takes no more memory than otherwise.
    size = max(1, protocol.embed_batch_size // subject.embed_views)

    def feature_set(name: str, embed: Embed, **network: Any) -> FeatureSet:
        bank, queries = (
            Examples(embed(split.images), split.labels, split.images) for split in (images.bank, images.queries)
        )
        return FeatureSet(name, bank, queries, protocol, embed=embed, augment=subject.augment, **network)

    def through(encoder: Encoder, name: str) -> Embed:
        call = inference(encoder, shape, subject.embed_views)
        return lambda images: embed(call, images, size, name=name)

    if "raw_pixels" in protocol.baseline_names:
        yield feature_set(RAW_PIXELS, centered_pixels(images.bank, protocol.embed_batch_size))
    if fresh is not None and "untrained" in protocol.baseline_names:
        yield feature_set(UNTRAINED, through(fresh(), UNTRAINED), network=fresh, untrained=True)
    yield feature_set(TRAINED, through(subject.encoder, TRAINED), network=subject.network)
    if fresh is not None and protocol.supervised_epochs > 0:
        assert images.bank.labels is not None
        supervised = supervised_encoder(fresh(), images.bank.images, images.bank.labels, protocol, subject.augment)
        yield feature_set(SUPERVISED, through(supervised, SUPERVISED))
