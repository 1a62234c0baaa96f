"""Prepares this process for TensorFlow and Keras before they are imported: the fastest kernels, and the right backend.

`import aag_tf` does it, so that commands and library begin alike. Standard library only.
"""

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aag_tf.utils.cpu import onednn_pays
from aag_tf.utils.errors import ConfigError, one_line

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
LEGACY = "TF_USE_LEGACY_KERAS"
BACKEND = "KERAS_BACKEND"
CONFIGURED = {"image_data_format": "channels_last", "floatx": "float32"}  # `aag_tf.encoders.dtype_policy` sets them

_notices: list[str] = []


def prepare() -> None:
    """Sets environment variables that TensorFlow and Keras read when they are imported; a user's own oneDNN wins.

    Raises:
        ConfigError: Keras or TensorFlow was imported before in a way that this package cannot work with.
    """
    _choose_onednn()
    _choose_keras()


def tell(say: Callable[[str], None] | None = None) -> None:
    """Says what `prepare` had to change or came too late for, each once in a process.

    Args:
        say: shows a line; by default it is logged as a warning.
    """
    say = say or logging.getLogger("aag_tf").warning
    while _notices:
        say(_notices.pop(0))


def import_keras() -> None:
    """Imports Keras, so that a configuration that it refuses is an error of its own.

    Raises:
        ConfigError: Keras refuses its configuration file or an environment variable.
    """
    try:
        import keras  # noqa: F401
    except Exception as error:  # of several classes, and of nothing else where its last frame is this module's
        place = traceback.extract_tb(error.__traceback__)[-1].filename
        if not Path(place).match("keras/src/backend/config.py"):
            raise
        said = one_line(error).rstrip(".")
        raise ConfigError(f"Keras cannot start ({said}); mend or delete {keras_file()}.") from error


def keras_file() -> Path:
    """Returns the file that Keras reads its configuration from."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")
        home = os.path.join(user if os.access(user, os.W_OK) else "/tmp", ".keras")
    return Path(os.path.expanduser(home), "keras.json")


def _choose_onednn() -> None:
    if ONEDNN in os.environ or not onednn_pays():
        return
    if "tensorflow" not in sys.modules:
        os.environ[ONEDNN] = "1"
    elif _onednn_is_off():
        _notices.append(
            f"TensorFlow was imported before aag_tf, with oneDNN off, and trains several times slower on this CPU; set "
            f"{ONEDNN}=1, or import aag_tf first."
        )


def onednn_is_on() -> bool:
    """Whether TensorFlow, imported, computes with oneDNN on the CPU."""
    return not _onednn_is_off()


def _onednn_is_off() -> bool:
    try:
        from tensorflow.python.util import _pywrap_util_port  # where TensorFlow's own tests ask
    except ImportError:
        return False
    return not _pywrap_util_port.IsMklEnabled()


def _choose_keras() -> None:
    """Chooses Keras 3 on TensorFlow."""
    if os.environ.get(LEGACY, "") in ("1", "true", "True"):  # the values that TensorFlow compares with
        if "tensorflow" in sys.modules:
            raise ConfigError(
                f"TensorFlow was imported with {LEGACY}={os.environ[LEGACY]}, and aag_tf needs Keras 3; unset that "
                "variable, or import aag_tf first."
            )
        _notices.append(f"{LEGACY}={os.environ[LEGACY]} is set to 0 here, since aag_tf needs Keras 3.")
        os.environ[LEGACY] = "0"
    keras: Any = sys.modules.get("keras")
    if keras is not None:
        backend = keras.config.backend()
        if backend != "tensorflow":
            raise ConfigError(
                f"Keras was imported with the backend {backend}, and aag_tf needs TensorFlow; set {BACKEND}=tensorflow "
                "before Keras is imported, or import aag_tf first."
            )
        return
    own, configured = os.environ.get(BACKEND), _configuration()
    chosen = own or configured.get("backend") or "tensorflow"
    if chosen != "tensorflow":
        where = f"{BACKEND}={own}" if own else f"the backend {chosen} of {keras_file()}"
        _notices.append(f"{where} is replaced by tensorflow here, since aag_tf needs TensorFlow.")
    os.environ[BACKEND] = "tensorflow"
    for name, needed in CONFIGURED.items():
        value = configured.get(name) or needed
        if value != needed:
            _notices.append(f"{name} {value} of {keras_file()} is replaced by {needed} in aag_tf.")


def _configuration() -> dict[str, str]:
    """The entries of Keras's configuration file; none where it cannot be read, which Keras itself ignores."""
    try:
        content = json.loads(keras_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(value) for name, value in content.items()} if isinstance(content, dict) else {}
