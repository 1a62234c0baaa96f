"""From device settings to a `tf.distribute` strategy: all GPUs by default, or a CPU split into replicas."""

import tensorflow as tf

from aag_tf.config import ScheduleConfig
from aag_tf.errors import ConfigError


def make_strategy(schedule: ScheduleConfig) -> tf.distribute.Strategy:
    """`MirroredStrategy` over the GPUs, or over parts of the CPU.

    Call it before anything else uses TensorFlow: a CPU can be split only then.

    Raises:
        ConfigError: there are not that many devices, the batch cannot be split over them, or TensorFlow has started.
    """
    devices = _cpu_parts(schedule.cpu_replicas) if schedule.cpu_replicas else _gpus(schedule.replicas)
    if schedule.global_batch_size % len(devices):
        raise ConfigError(
            f"--global_batch_size={schedule.global_batch_size} cannot be split evenly over {len(devices)} GPUs; use a "
            f"multiple of {len(devices)}, or fewer GPUs with --replicas."
        )
    if len(devices) > 1 and schedule.jit_compile == "on" and schedule.cpu_replicas:
        raise ConfigError("--jit_compile=on cannot compile a CPU split by --cpu_replicas; leave it at auto.")
    return tf.distribute.MirroredStrategy(devices)


def _gpus(replicas: int | None) -> list[str]:
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    if replicas is not None and replicas > max(len(gpus), 1):
        raise ConfigError(
            f"--replicas={replicas} asks for more than the {len(gpus)} GPUs of this machine; give at most "
            f"{max(len(gpus), 1)}, or --cpu_replicas={replicas} to try distribution without GPUs."
        )
    return gpus[:replicas] or ["/cpu:0"]


def _cpu_parts(replicas: int) -> list[str]:
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    except RuntimeError as error:
        if len(tf.config.list_logical_devices("CPU")) < replicas:
            raise ConfigError(
                f"--cpu_replicas={replicas} must be set before TensorFlow starts; call this first, in a new process."
            ) from error
    return [f"/cpu:{index}" for index in range(replicas)]
