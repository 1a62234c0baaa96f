"""Object stores, such as `s3://bucket/folder`, through fsspec; everything else works on local copies.

A store has no appends, renames or locks, and TensorFlow reads and writes none but Google's. So what is read is
copied to a local cache (`copies`), what is written is written locally and uploaded file by file, what marks a result
as complete last (`mirror`), and an object stands for the lock (`claims`). fsspec is imported where a store is used.
"""

from aag_tf.utils.stores.addresses import is_store, join
from aag_tf.utils.stores.claims import Claim, ClaimedError
from aag_tf.utils.stores.copies import (
    CACHE_VARIABLE,
    FRESH_SECONDS,
    THREADS,
    copy_path,
    copy_to_read,
    fetched,
    file_to_write,
    local_path,
    named,
    publish,
    remember,
)
from aag_tf.utils.stores.failures import MissingError, StoreError
from aag_tf.utils.stores.mirror import Mirror
from aag_tf.utils.stores.store import Store, StoredFile

__all__ = [
    "CACHE_VARIABLE",
    "FRESH_SECONDS",
    "THREADS",
    "Claim",
    "ClaimedError",
    "Mirror",
    "MissingError",
    "Store",
    "StoreError",
    "StoredFile",
    "copy_path",
    "copy_to_read",
    "fetched",
    "file_to_write",
    "is_store",
    "join",
    "local_path",
    "named",
    "publish",
    "remember",
]
