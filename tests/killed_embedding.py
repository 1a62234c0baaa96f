"""Bulk embedding that ends as by `kill -9` at a place that is named; for a process of its own."""

import os
import signal
import sys
from collections.abc import Callable

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import embed, shards

WORK = sys.modules["aag_tf.export.embedding.embed"]


def kill(*_: object) -> None:
    """Ends this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def before_the_second_file() -> None:
    """One Parquet file is complete, and nothing of the next is there."""
    _at_the_second_file(kill)


def half_way_through_the_second_file() -> None:
    """One Parquet file is complete, and half of the next has reached the disk."""

    def kill_at_half(descriptor: int) -> None:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
        kill()

    _at_the_second_file(lambda: setattr(os, "fsync", kill_at_half))


def before_the_numpy_files() -> None:
    """All Parquet files are complete."""
    WORK.write_numpy = kill


def embed_until_killed(config: EmbedConfig, place: Callable[[], None]) -> None:
    """Embeds until it comes to one of the places above."""
    place()
    embed(config)


def _at_the_second_file(act: Callable[[], None]) -> None:
    write, written = shards.write_shard, []

    def write_shard(*arguments: object) -> None:
        if written:
            act()
        written.append(arguments)
        write(*arguments)

    shards.write_shard = write_shard
