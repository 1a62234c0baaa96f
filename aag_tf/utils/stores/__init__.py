"""Object stores, such as `s3://bucket/folder`, through fsspec; everything else works on local copies.

A store has no appends, renames or locks, and TensorFlow reads and writes none but Google's. So what is read is
copied to a local cache (`copies`), what is written is written locally and uploaded file by file, what marks a result
as complete last (`mirror`), and an object stands for the lock (`claims`). fsspec is imported where a store is used.
"""

from aag_tf.utils.stores.addresses import is_store, join, parent_and_name
from aag_tf.utils.stores.copies import copy_path, copy_to_read, local_path, named, publish
from aag_tf.utils.stores.failures import StoreError
from aag_tf.utils.stores.store import Store

__all__ = [
    "Store",
    "StoreError",
    "copy_path",
    "copy_to_read",
    "is_store",
    "join",
    "local_path",
    "named",
    "parent_and_name",
    "publish",
]
