"""Images of a run on several machines, each of which reads files of a pack on its own disk (`--local_shards`)."""

import dataclasses
from typing import Any

import tensorflow as tf

from aag_tf.config import Cluster, TrainConfig
from aag_tf.data import ShardList, Source, deal, open_partly, part_of, train_counts
from aag_tf.distribute.workers import check_same_settings, gather_from_workers
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.log import logger
from aag_tf.utils.text import counted


@dataclasses.dataclass(frozen=True, eq=False)
class LocalShards:
    """How the files of a pack are dealt to the machines of a run.

    Args:
        shards: all files.
        dealt: numbers of those of the train split that each machine trains on.
        counts: images that each machine trains on.
        index: number of this machine.
    """

    shards: ShardList
    dealt: list[list[int]]
    counts: list[int]
    index: int

    @property
    def facts(self) -> dict[str, Any]:
        """What the record of a run says of it: the digest of all files, and the numbers of those of each machine."""
        return {"digest": self.shards.digest, "workers": self.dealt}


def open_local_shards(
    config: TrainConfig, strategy: tf.distribute.Strategy, cluster: Cluster | None
) -> tuple[Source, LocalShards]:
    """Opens the images of this machine; all machines call it at once.

    Args:
        config: every setting of the run, with how images are read.
        strategy: over the machines of the cluster.
        cluster: the machines.

    Raises:
        ConfigError: there is one machine only, or another one has another pack.
        DataError: there is no such pack, or a file of it is on no machine.
    """
    if cluster is None:
        raise ConfigError(
            "--local_shards deals the files of a pack to several machines (TF_CONFIG), which a run on one has not, nor "
            "--dry_run; leave it out."
        )
    source, shards = open_partly(config.data, config.augment.crop_from)
    check_same_settings(strategy, cluster, shards.digest)  # before they exchange what depends on the number of files
    here = shards.present()
    present = gather_from_workers(strategy, cluster, here)
    dealt = deal(shards, present)
    local = LocalShards(shards, dealt, train_counts(source, dealt), cluster.index)
    own = part_of(source, dealt[cluster.index], here)
    logger.info(
        "worker %d trains on %s of %s in %s on its disk (--local_shards); looks at the encoder take held-out images "
        "of the first worker.",
        *(cluster.index, f"{local.counts[cluster.index]:,}", counted(sum(local.counts), "image")),
        counted(len(dealt[cluster.index]), "file"),
    )
    return own, local
