"""Flagfiles on object stores, such as the `flags.txt` of a run there."""

from collections.abc import Sequence


def local(arguments: Sequence[str]) -> list[str]:
    """Replaces the address in `--flagfile=s3://...` by a local copy of the file.

    Raises:
        StoreError: it cannot be read.
    """
    found = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and name in ("--flagfile", "-flagfile") and "://" in value:
            from aag_tf.utils.stores import fetched  # here, since `--help` needs none of it

            found.append(f"{name}={fetched(value)}")
        else:
            found.append(argument)
    return found
