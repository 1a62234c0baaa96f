"""`quiet_tensorflow` hides what TensorFlow prints when it is imported; in fresh processes, since that happens once."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import logging
import aag_tf
aag_tf.quiet_tensorflow()
import tensorflow as tf
tf.get_logger().warning("a warning of TensorFlow")
tf.get_logger().error("an error of TensorFlow")
logging.getLogger("aag_tf").warning("a warning of this package")
"""
START = "cpu_feature_guard"  # the source file that announces the CPU's instructions


@pytest.mark.parametrize("level", [None, "3", "0"])
def test_only_what_matters_is_printed(level):
    variables = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    if level is not None:
        variables["TF_CPP_MIN_LOG_LEVEL"] = level
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=variables, check=True)
    lines = done.stderr.splitlines()
    if level == "0":
        assert START in done.stderr
        assert any(line.endswith("a warning of TensorFlow") for line in lines)
    else:
        assert [line.partition("ow:")[2] or line for line in lines] == [
            "an error of TensorFlow",
            "a warning of this package",
        ]
