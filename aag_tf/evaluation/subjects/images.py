"""Opens the images that an encoder is evaluated on, in the size and the channels that it takes."""

import dataclasses
from typing import NamedTuple

import numpy as np

from aag_tf.config import OWN, DataConfig, EvaluateConfig, ProtocolConfig
from aag_tf.config.reading import read_size
from aag_tf.data import (
    JoinedImages,
    Source,
    Split,
    adapted,
    describe_source,
    fingerprint,
    open_source,
    same_pictures,
    same_pixels,
    skipped_before,
)
from aag_tf.data.sources.adapting import require_channels
from aag_tf.evaluation.choices import choose_k, choose_protocol
from aag_tf.evaluation.subjects.subject import Subject
from aag_tf.preflight.evaluate import PASSED_IMAGES
from aag_tf.runs import RunDirectory
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.log import logger


class EvaluationImages(NamedTuple):
    """Images to learn from and images to evaluate on.

    Args:
        source: the data set.
        protocol: the measures, with what was left open chosen for these images.
        bank: images that classifiers learn from.
        queries: images that classifiers are evaluated on.
        conversion: a text on how images were changed for the encoder; empty where they were not.
    """

    source: Source
    protocol: ProtocolConfig
    bank: Split
    queries: Split
    conversion: str


class AdaptedSource(NamedTuple):
    """A data set, and how its images are brought to what an encoder takes.

    Args:
        source: the data set, with its images as they are.
        image_shape: (height, width, channels) that the encoder takes.
        conversion: a text on how images are changed for the encoder; empty where they are not.
    """

    source: Source
    image_shape: tuple[int, int, int]
    conversion: str

    def adapt(self, split: Split) -> Split:
        """Returns the images of a split in the shape that the encoder takes."""
        return adapted(split, self.image_shape, self.source.reading.fit)


def open_images(config: EvaluateConfig, subject: Subject) -> EvaluationImages:
    """Opens the images to learn from and those to evaluate on.

    Raises:
        DataError: there is no such data set.
        EvaluationError: it has no labels, no such split, images of another size, or (as the training's own) other
            training images than when the encoder was trained.
    """
    opened = open_adapted(config, subject)
    source = opened.source
    if config.dataset is not None and source.layout is not None:
        found = describe_source(source)
        logger.info("%s: %s; %s.", source.name, found["splits"], found["classes"])
    protocol = choose_protocol(config.protocol, source)
    assert protocol.split is not None
    bank, queries = choose_splits(source, protocol.split, labeled=protocol.needs_labels)
    protocol = choose_k(protocol, bank.labels, len(bank))
    return EvaluationImages(source, protocol, opened.adapt(bank), opened.adapt(queries), opened.conversion)


def open_adapted(config: EvaluateConfig, subject: Subject) -> AdaptedSource:
    """Opens `--dataset`, by default the data set of the training, in the size and the channels that the encoder takes.

    Raises:
        DataError: there is no such data set.
        EvaluationError: it has images of another size or, as the training's own, other training images than when the
            encoder was trained.
    """
    _check_image_size(config, subject)
    named = RunDirectory(config.run_dir).read_skipped() if config.run_dir is not None and config.dataset is None else ()
    with skipped_before(named):
        source = open_source(_data_config(config, subject))
    height, width, channels = (own or found for own, found in zip(subject.image_shape, source.image_shape, strict=True))
    if config.dataset is None:
        _check_size(source, (height, width))
        _check_unchanged(source, subject)
    changes = []
    if config.dataset is not None and None not in subject.image_shape[:2]:
        changes.append(f"images at {height}x{width} pixels")
    require_channels(source.name, source.image_shape[2], channels, "--dataset")
    if source.image_shape[2] != channels:
        changes.append("gray repeated as RGB" if channels == 3 else "RGB turned to gray by its luma")
    return AdaptedSource(source, (height, width, channels), ", ".join(changes))


def choose_splits(source: Source, split: str, *, labeled: bool = True) -> tuple[Split, Split]:
    """Returns the images to learn from and the images to evaluate on.

    `test` learns from train and validation and evaluates on test; `validation` learns from train alone and evaluates
    on validation, and is the split to tune on; `train` has the train images in both places.

    Args:
        source: has the split, and its labels if `labeled`.
        split: as `choose_protocol` found it.
        labeled: whether labels are needed; where validation has none, test learns from train alone.
    """
    parts = [source.train]
    if split == "test" and source.validation is not None and not (labeled and source.validation.labels is None):
        parts.append(source.validation)
    queries = {"train": source.train, "validation": source.validation, "test": source.test}[split]
    assert queries is not None
    bank = _joined(parts)
    if labeled and bank.labels is not None and queries.labels is not None:
        strange = ~np.isin(queries.labels, bank.labels)
        if strange.any():
            logger.warning(
                "%s of %s images of the %s split are of classes without a training image, and count as wrong.",
                f"{strange.sum():,}",
                f"{len(strange):,}",
                split,
            )
    return bank, queries


def _joined(parts: list[Split]) -> Split:
    if len(parts) == 1:
        return parts[0]
    labels = [part.labels for part in parts if part.labels is not None]
    return Split(
        JoinedImages([part.images for part in parts]), np.concatenate(labels) if len(labels) == len(parts) else None
    )


def _data_config(config: EvaluateConfig, subject: Subject) -> DataConfig:
    own = None if subject.record is None else subject.record.config.data
    if config.dataset is None:
        if own is None:
            raise EvaluationError("this model does not say what it was trained on; name the data with --dataset.")
        if own.dataset == OWN:
            raise EvaluationError(PASSED_IMAGES)
        assert subject.record is not None
        own = subject.record.same_reading(own)
        return dataclasses.replace(own, data_dir=config.data_dir or own.data_dir, download=config.download)
    height, width, _ = subject.image_shape
    other = DataConfig(
        dataset=config.dataset,
        data_dir=config.data_dir or (None if own is None else own.data_dir),
        download=config.download,
        image_size=config.image_size if height is None or width is None else f"{height}x{width}",
        layout=config.layout,
        validation_fraction=DataConfig().validation_fraction if own is None else own.validation_fraction,
    )
    return other if subject.record is None else subject.record.same_reading(other)


def _check_image_size(config: EvaluateConfig, subject: Subject) -> None:
    height, width, _ = subject.image_shape
    asked = None if config.image_size is None else read_size(config.image_size)
    if asked is not None and height is not None and (height, width) != asked:
        raise EvaluationError(
            f"--image_size={config.image_size} is for models that take any size, and this one takes {height}x{width}; "
            "leave it out."
        )


def _check_size(source: Source, wanted: tuple[int, int]) -> None:
    found = tuple(source.image_shape[:2])
    if wanted != found:
        raise EvaluationError(
            f"{source.name} has images of {found[0]}x{found[1]} (height x width) and the encoder takes "
            f"{wanted[0]}x{wanted[1]}; give a data set with --dataset, whose images are brought to that size."
        )


def _check_unchanged(source: Source, subject: Subject) -> None:
    """Rejects changed images: they would be split differently, and test images may have been trained on."""
    record = subject.record
    if record is None:
        return
    count, before = len(source.train), record.num_train_images
    if before is not None and before != count:
        raise EvaluationError(
            f"{source.name} gives {count:,} training images now and gave {before:,} when the encoder was trained, so "
            "that its test images may be among those; restore it, or name other images with --dataset."
        )
    if record.fingerprint is None:
        return
    now = fingerprint(source.train.images)
    if not same_pictures(record.fingerprint, now):
        raise EvaluationError(
            f"{source.name} has other training images now than when the encoder was trained, or in another order, so "
            "that its test images may be among those; restore it, or name other images with --dataset."
        )
    if not same_pixels(record.fingerprint, now):
        logger.warning("%s is not what the encoder was trained on: some pixels differ.", source.name)
