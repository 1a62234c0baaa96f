"""What all tests share: quiet TensorFlow, and one CPU that poses as four devices, so that replicas can be tested."""

import gc
import os
import sys

import hypothesis

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

LOGICAL_CPUS = 4

# The same cases in every run, so that a red one can be repeated; HYPOTHESIS_PROFILE=default searches at random.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_finish(session):
    # A CPU can be split only before TensorFlow first uses it, hence once and here. Where no collected test module has
    # imported TensorFlow (flags, packaging), it stays out and the tests start five seconds sooner.
    tf = sys.modules.get("tensorflow")
    if tf is not None:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * LOGICAL_CPUS)
    # What has been imported stays; that the garbage collector walks it again and again costs a tenth of the time.
    gc.freeze()
