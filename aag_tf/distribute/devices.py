"""Chooses the `tf.distribute` strategy: all GPUs by default, replicas on one CPU, or several machines."""

import tensorflow as tf

from aag_tf.config import Cluster, ScheduleConfig
from aag_tf.utils.errors import ConfigError


def make_strategy(schedule: ScheduleConfig, cluster: Cluster | None = None) -> tf.distribute.Strategy:
    """Returns a strategy over the GPUs of this machine, over parts of its CPU, or over the machines of a cluster.

    Call it before anything else uses TensorFlow: only then can it split the CPU or start a server.

    Raises:
        ConfigError: there are too few devices, the batch cannot be split over them, or TensorFlow has already started.
    """
    if cluster is not None:
        return _over_machines(schedule, cluster)
    devices = _cpu_parts(schedule.cpu_replicas) if schedule.cpu_replicas else _gpus(schedule.replicas)
    schedule.check_replicas(len(devices), f"{len(devices)} GPUs")
    if len(devices) == 1:
        return tf.distribute.OneDeviceStrategy(devices[0])
    return tf.distribute.MirroredStrategy(devices)


def jit_compile(schedule: ScheduleConfig, strategy: tf.distribute.Strategy) -> bool:
    """Whether XLA compiles the step: by default only on a single GPU, because on a CPU it is slower."""
    if schedule.jit_compile != "auto":
        return schedule.jit_compile == "on"
    return bool(tf.config.list_logical_devices("GPU")) and strategy.num_replicas_in_sync == 1


def _over_machines(schedule: ScheduleConfig, cluster: Cluster) -> tf.distribute.Strategy:
    for name in ("replicas", "cpu_replicas"):
        if getattr(schedule, name) is not None:
            raise ConfigError(
                f"--{name} cannot be used with TF_CONFIG, with which every machine uses all GPUs that it sees; leave "
                "it out, and hide GPUs with CUDA_VISIBLE_DEVICES."
            )
    machines = len(cluster.workers)
    local = max(len(tf.config.list_physical_devices("GPU")), 1)
    schedule.check_replicas(machines * local, f"{machines * local} replicas on {machines} machines")
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise ConfigError(
            f"worker {cluster.index} cannot join its cluster ({str(error).splitlines()[0]}); start it as a new process."
        ) from error


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
