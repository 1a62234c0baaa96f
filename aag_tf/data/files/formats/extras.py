"""Packages that only some formats need, and that are installed with an extra of this package."""

import importlib
import logging
from typing import Any

from aag_tf.utils.errors import DataError


def require_extra(module: str, extra: str, what: str) -> Any:
    """Imports a module.

    Args:
        module: its name.
        extra: that brings it.
        what: needs it.

    Raises:
        DataError: it is not installed.
    """
    logging.getLogger(module).setLevel(logging.CRITICAL)  # what is wrong with a file is said once, by us
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DataError(f"{what} needs `pip install 'aag-tf[{extra}]'`") from error
