"""Addresses of object stores as users write them: `scheme://bucket/folder`."""

import os
import re

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")  # one letter is a drive of Windows
# Scheme: the package behind fsspec that reads it, none where fsspec does by itself.
PACKAGES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "hdfs": "pyarrow",
    "memory": "",  # of this process; for tests
}


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a path is an address, of a store that is known or not, and no local path."""
    return isinstance(path, str) and ADDRESS.match(path) is not None


def scheme_of(address: str) -> str:
    """The scheme of an address, such as `s3`."""
    return address.partition("://")[0].lower()


def join(address: str, name: str) -> str:
    """The address of a name below an address."""
    return f"{address.rstrip('/')}/{name}" if name else address
