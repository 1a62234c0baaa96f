"""Looks at held-out images during a training on labels: which weights are the best, and when to end."""

from typing import Protocol

from aag_tf.evaluation.features import Encoder, embedder, inference
from aag_tf.finetuning.held_out import HeldOutScore, score
from aag_tf.finetuning.labels import Labeled
from aag_tf.finetuning.trial_networks import TrialNetworks

MOST_IMAGES_OF_A_LOOK = 2_000
EMBED_BATCH = 256


class Looks(Protocol):
    """What happens at regular steps of a training, and at its start and end."""

    @property
    def out_of_patience(self) -> bool:
        """Whether the training is to end."""
        ...

    def look(self, step: int) -> dict[str, float]:
        """Looks once; returns the metrics since the last look."""
        ...


class NewestWeights:
    """Keeps the newest averaged weights, where there is nothing to choose by.

    Args:
        networks: of the training; a look changes `best` and `position`.
    """

    out_of_patience = False

    def __init__(self, networks: TrialNetworks) -> None:
        self._networks = networks

    def look(self, step: int) -> dict[str, float]:
        """Keeps the weights; returns the metrics since the last look."""
        self._networks.best.set_weights(self._networks.averaged.get_weights())
        return {"step": step, **_learned(self._networks, step)}


class HeldOutLooks:
    """Measures averaged weights on held-out images, and keeps the best.

    Args:
        networks: of the training; a look changes `best` and `position`.
        held_out: the images; the first 2 000 are looked at.
        patience: looks without a better one after which the training ends.
    """

    def __init__(self, networks: TrialNetworks, held_out: Labeled, patience: int) -> None:
        self._networks, self._patience = networks, patience
        looked_at = held_out.take(MOST_IMAGES_OF_A_LOOK)
        self._owners, self._shape = looked_at.owners, looked_at.images.images.shape
        self._embed = embedder(looked_at.images.images, EMBED_BATCH, name="held-out images")
        self._look_through = inference(networks.averaged, self._shape)

    @property
    def out_of_patience(self) -> bool:
        """Whether there were too many looks without a better one."""
        return float(self._networks.position.looks_without_better) >= self._patience

    def look(self, step: int) -> dict[str, float]:
        """Looks once; returns the metrics since the last look."""
        networks, position = self._networks, self._networks.position
        found = self._score(self._look_through)
        if found.cross_entropy < float(position.best_cross_entropy):
            position.best_cross_entropy.assign(found.cross_entropy)
            position.best_step.assign(step)
            position.looks_without_better.assign(0.0)
            networks.best.set_weights(networks.averaged.get_weights())
        else:
            position.looks_without_better.assign(position.looks_without_better + 1.0)
        return {
            "step": step,
            "held_out_cross_entropy": found.cross_entropy,
            "held_out_accuracy": found.accuracy,
            "held_out_balanced_accuracy": found.balanced_accuracy,
            **_learned(networks, step),
        }

    def score_of_best(self) -> HeldOutScore:
        """Measures the best weights, at the end of the training: it changes the averaged ones."""
        networks = self._networks
        if networks.average is None:  # what was looked through is trained, perhaps with 16 bits
            return self._score(inference(networks.best, self._shape))
        networks.averaged.set_weights(networks.best.get_weights())
        return self._score(self._look_through)

    def _score(self, call: Encoder) -> HeldOutScore:
        return score(self._embed(call), self._owners)


def _learned(networks: TrialNetworks, step: int) -> dict[str, float]:
    """Returns loss and learning rate since the last look, none before the first step."""
    position, record = networks.position, {}
    if step > 0:
        record["cross_entropy"] = float(position.loss_sum / position.loss_count)
        record["learning_rate"] = float(networks.optimizer.learning_rate)
    position.loss_sum.assign(0.0)
    position.loss_count.assign(0.0)
    return record
