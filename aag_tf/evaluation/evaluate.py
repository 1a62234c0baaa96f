"""A trained encoder beside raw pixels and its untrained self: one set of images, classifiers and settings for all."""

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from aag_tf import config as configs
from aag_tf.config import DataConfig, EvaluateConfig, JudgeConfig
from aag_tf.data import Images, Source, Split, open_source
from aag_tf.errors import EvaluationError
from aag_tf.evaluation import linear_probe
from aag_tf.evaluation.features import Encoder, embed, inference, raw_pixels
from aag_tf.evaluation.judge import Labelled, Score, judge
from aag_tf.evaluation.report import Evaluation
from aag_tf.evaluation.subject import Subject, load_subject
from aag_tf.run_directory import RunDirectory, write_atomically
from aag_tf.versions import versions

Embed = Callable[[Images], np.ndarray]


def evaluate(config: EvaluateConfig, *, progress: bool = True) -> Evaluation:
    """Measures weighted kNN and a linear probe on three sets of features.

    `split=test` learns from all training images (train and validation) and judges on test; `split=validation` learns
    from train alone and judges on validation, which is the one to tune on. The report goes to `config.output`, or
    into the run directory; a SavedModel is left as it is, so that without `--output` nothing is written for it.

    Args:
        config: what to judge, on which data.
        progress: whether long work shows bars.

    Raises:
        EvaluationError: the data has no labels, no such split, one class or too few images; features are not finite;
            the report cannot be written.
        RunDirectoryError, ExportError, DataError: there is no such run, SavedModel or data set.
    """
    began = time.perf_counter()
    subject = load_subject(config)
    path = _report_path(config)
    source = open_source(_data_config(config, subject))
    _check_shapes(source, subject)
    bank, queries = choose_splits(source, config.judge.split)

    size, shape = config.judge.embed_batch_size, subject.image_shape
    ways: dict[str, Embed] = {
        "raw pixels": lambda images: raw_pixels(images, size, progress=progress),
        "untrained encoder": _through(inference(subject.untrained(), shape), "untrained encoder", size, progress),
        "trained encoder": _through(inference(subject.encoder, shape), "trained encoder", size, progress),
    }
    scores = [_measure(name, way, bank, queries, config=config.judge, progress=progress) for name, way in ways.items()]
    evaluation = Evaluation(
        scores=scores,
        subject=subject.facts | {"image_shape": list(subject.image_shape)},
        data={
            "dataset": source.name,
            "split": config.judge.split,
            "num_bank": sum(map(len, bank)),
            "num_queries": len(queries),
            "num_classes": len(np.unique(_labels(bank))),
        },
        settings=configs.to_flat(config) | {"linear_l2_grid": list(linear_probe.L2_GRID)},
        seeds={"untrained_encoder": subject.config.schedule.seed, "linear_held_out": linear_probe.SPLIT_SEED},
        versions=versions(),
        seconds=time.perf_counter() - began,
        path=path,
    )
    if path is not None:
        write_atomically(path, evaluation.to_json())
    return evaluation


def choose_splits(source: Source, split: str) -> tuple[list[Split], Split]:
    """The labelled splits that classifiers learn from, and the one that they are judged on.

    Raises:
        EvaluationError: the data set has no such split, or no labels.
    """
    bank = [source.train]
    if split == "test" and source.validation is not None:
        bank.append(source.validation)
    if any(part.labels is None for part in bank):
        raise EvaluationError(
            f"{source.name} has no labels to judge by; give one that has them with --dataset "
            "(a folder takes its labels from the names of sub-folders, an npz file from `labels`)."
        )
    queries = source.test if split == "test" else source.validation
    if queries is None:
        advice = {
            "test": "judge on --split=validation, or give a data set with a test split",
            "validation": "judge on --split=test, or train with --validation_fraction above 0",
        }
        raise EvaluationError(f"{source.name} has no {split} split; {advice[split]}.")
    if queries.labels is None:
        raise EvaluationError(f"the {split} split of {source.name} has no labels to judge by; give it some.")
    return bank, queries


def _measure(
    name: str, way: Embed, bank: Sequence[Split], queries: Split, *, config: JudgeConfig, progress: bool
) -> Score:
    began = time.perf_counter()
    learnt_from = Labelled(np.concatenate([way(part.images) for part in bank]), _labels(bank))
    judged_on = Labelled(way(queries.images), _labels([queries]))
    seconds = time.perf_counter() - began
    return judge(name, learnt_from, judged_on, config, embed_seconds=seconds, progress=progress)


def _labels(splits: Sequence[Split]) -> np.ndarray:
    return np.concatenate([split.labels for split in splits if split.labels is not None])


def _through(encoder: Encoder, name: str, batch_size: int, progress: bool) -> Embed:
    return lambda images: embed(encoder, images, batch_size, progress=progress, name=name)


def _data_config(config: EvaluateConfig, subject: Subject) -> DataConfig:
    """The run's own data, or another data set at the size that the encoder takes."""
    own = subject.config.data
    if config.dataset is None:
        return dataclasses.replace(own, data_dir=config.data_dir or own.data_dir, download=config.download)
    height, width, _ = subject.image_shape
    return DataConfig(
        dataset=config.dataset,
        data_dir=config.data_dir,
        download=config.download,
        image_size=height if height == width else None,
        validation_fraction=own.validation_fraction,
    )


def _check_shapes(source: Source, subject: Subject) -> None:
    if tuple(source.image_shape) != tuple(subject.image_shape):
        raise EvaluationError(
            f"{source.name} has images of shape {list(source.image_shape)} (height, width, channels) and the encoder "
            f"takes {list(subject.image_shape)}; give a data set of that shape with --dataset."
        )


def _report_path(config: EvaluateConfig) -> Path | None:
    """Where the report goes, known to be writable before any work is done."""
    if config.output is not None:
        path = Path(config.output).expanduser()
    elif config.run_dir is not None:
        path = RunDirectory(config.run_dir).evaluation
    else:
        return None
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise EvaluationError(f"{path} cannot be written; name a file in a writable directory with --output.")
    return path
