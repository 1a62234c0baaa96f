"""Makes a classifier of an encoder and few labels: a linear probe, then the whole network from it."""

from aag_tf.finetuning.finetune import finetune, plan
from aag_tf.finetuning.record import Finetuning

__all__ = ["Finetuning", "finetune", "plan"]
