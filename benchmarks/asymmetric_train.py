"""Trains with branches of unequal roles: `aag-train`, with another loss.

    python benchmarks/asymmetric_train.py --role=anchor --dataset=digits --noflip --run_dir=/tmp/a

Roles of auxiliary views, in the loss of `aag_tf.losses.gnt_xent` at κ = 0:

    anchor   they are anchors and negatives, and no positives: main views are not pulled towards them
    student  the same, and the main views do not move for them: their projections are constants for auxiliary anchors

Nothing else differs from `aag-train`. `equal_time.py` compares them.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from study_train import split_choice, train

from aag_tf.commands._app import quiet_start, run_command

if TYPE_CHECKING:
    import tensorflow as tf

ROLES = ("anchor", "student")
OPTION = "--role="


def asymmetric_loss(projections: "tf.Tensor", *, temperature: float, role: str) -> "tf.Tensor":
    """Returns the loss of a batch on one replica, a float32 scalar.

    Args:
        projections: float32 `[batch, views, dim]`, views 0 and 1 main, the others auxiliary.
        temperature: τ.
        role: of the auxiliary views.
    """
    import tensorflow as tf

    from aag_tf.config import MAIN_VIEWS

    views = projections.shape[1]
    if role == "anchor":
        losses = _anchor_losses(projections, temperature)  # [V, batch]
    else:
        still = tf.concat([tf.stop_gradient(projections[:, :MAIN_VIEWS]), projections[:, MAIN_VIEWS:]], axis=1)
        of_main = _anchor_losses(projections, temperature)[:MAIN_VIEWS]
        losses = tf.concat([of_main, _anchor_losses(still, temperature)[MAIN_VIEWS:]], axis=0)
    # A main anchor has one positive, an auxiliary one two; every pair weighs the same.
    pairs = MAIN_VIEWS + MAIN_VIEWS * (views - MAIN_VIEWS)
    return tf.reduce_sum(tf.reduce_mean(losses, axis=1)) / pairs


def _anchor_losses(projections: "tf.Tensor", temperature: float) -> "tf.Tensor":
    """Returns the sum over main positives of each anchor's losses, `[V, batch]`."""
    import tensorflow as tf

    from aag_tf.config import MAIN_VIEWS
    from aag_tf.losses.normalization import normalize
    from aag_tf.losses.streaming import negatives_log_sum_exp

    scaled = normalize(projections) * tf.math.rsqrt(tf.constant(temperature))
    similarities = tf.matmul(scaled, scaled, transpose_b=True)[:, :, :MAIN_VIEWS]  # [batch, V, 2]
    losses = negatives_log_sum_exp(scaled, keep=True)[:, :, None] - similarities
    views = projections.shape[1]
    others = 1.0 - tf.eye(views, MAIN_VIEWS)
    return tf.transpose(tf.reduce_sum(losses * others, axis=2))


def main(argv: Sequence[str]) -> int:
    """Trains as `aag-train` does, with the loss of the role; returns its exit code, or `DIVERGED`.

    Raises:
        SystemExit: `--role` is missing or not known, or κ is not 0.
    """
    role, rest = split_choice(argv, OPTION, ROLES)
    with quiet_start():
        from aag_tf.losses import GNTXent
        from aag_tf.training import model_building

    class Asymmetric(GNTXent):
        def __call__(self, y_true: Any, y_pred: "tf.Tensor", sample_weight: Any = None) -> "tf.Tensor":
            if self.coupling:
                raise SystemExit("the roles are written for --coupling=0 only.")
            return asymmetric_loss(y_pred, temperature=self.temperature, role=role)

    model_building.GNTXent = Asymmetric
    return train(rest)


if __name__ == "__main__":
    run_command(sys.argv[0], main)
