"""The GNT-Xent loss, dense and streaming, over replicas, and statistics to monitor beside it."""

from aag_tf.distribute.replicas import gather_replicas, sum_replicas
from aag_tf.losses.gnt_xent import GNTXent, gnt_xent
from aag_tf.losses.statistics import contrastive_statistics
from aag_tf.losses.temperature import LearnedTemperature

__all__ = ["GNTXent", "LearnedTemperature", "contrastive_statistics", "gather_replicas", "gnt_xent", "sum_replicas"]
