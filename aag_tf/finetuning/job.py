"""A fine-tuning that may begin: encoder, labeled images and the trainings to try."""

import dataclasses
import hashlib
import math
from typing import Any

import keras

from aag_tf.config import PIXEL_RANGES, FinetuneConfig, ScheduleConfig
from aag_tf.data import fingerprint
from aag_tf.distribute.precision import resolve_precision
from aag_tf.finetuning.encoder import Encoder, open_encoder
from aag_tf.finetuning.labels import LabeledImages, open_labels
from aag_tf.finetuning.network import build_classifier
from aag_tf.finetuning.summary import summarize
from aag_tf.finetuning.trial import FROM_ENCODER, FROM_RANDOM, Trial
from aag_tf.utils.summary import Summary

PASSES = 30  # over the images to learn from, within these limits
FEWEST_STEPS, MOST_STEPS = 500, 5_000


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A fine-tuning that may begin.

    Args:
        config: every setting.
        encoder: that is fine-tuned.
        labels: the images.
        trials: the trainings to try, those from the encoder first.
        precision: dtype policy of the trainings.
    """

    config: FinetuneConfig
    encoder: Encoder
    labels: LabeledImages
    trials: list[Trial]
    precision: str

    @property
    def facts(self) -> dict[str, Any]:
        """What must be the same when it goes on after an interruption."""
        splits = {"train": self.labels.train, "held_out": self.labels.held_out}
        images = {name: fingerprint(split.images.images) for name, split in splits.items()}
        owners = {name: hashlib.sha256(split.owners.tobytes()).hexdigest() for name, split in splits.items()}
        return {
            "encoder": self.encoder.facts,
            "precision": self.precision,
            "class_names": self.labels.class_names,
            "fingerprints": images,
            "labels_sha256": owners,
        }

    @property
    def refits(self) -> bool:
        """Whether held-out images are learned from in the end: not where they are what metrics are of."""
        return self.config.tuning.refit and self.labels.test is not None

    def summary(self) -> Summary:
        """Returns what is going to be done."""
        parts = self.config, self.encoder, self.labels, self.trials
        return summarize(*parts, precision=self.precision, refits=self.refits)

    def build(self, start: str, policy: str = "float32") -> tuple[keras.Model, keras.Model]:
        """Returns an encoder and a classifier that shares its layers: each time anew, with the same weights.

        Args:
            start: `encoder` or `random`: the weights.
            policy: dtype policy of the encoder.
        """
        labels, seed = self.labels, self.config.tuning.seed
        keras.utils.set_random_seed(seed)  # of dropout too
        network = self.encoder.random(seed, policy) if start == FROM_RANDOM else self.encoder.trained(policy)
        input_range = self.config.input_range or PIXEL_RANGES[0]
        return network, build_classifier(network, labels.image_shape, labels.num_classes, input_range)


def open_job(config: FinetuneConfig) -> Job:
    """Opens encoder and images, and plans the trainings."""
    encoder = open_encoder(config)
    labels = open_labels(config, encoder)
    encoder.check_shape(labels.image_shape)
    tuning = config.tuning
    passes = math.ceil(PASSES * len(labels.train) / tuning.batch_size)
    steps = tuning.steps or min(max(passes, FEWEST_STEPS), MOST_STEPS)
    starts = [FROM_ENCODER, *([FROM_RANDOM] if tuning.scratch else [])]
    trials = [Trial(start, rate, steps) for start in starts for rate in tuning.rates]
    precision = resolve_precision(ScheduleConfig(precision=tuning.precision))
    return Job(config, encoder, labels, trials, precision)
