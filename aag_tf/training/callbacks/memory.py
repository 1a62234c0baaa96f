"""Memory in use, of this process and of its GPUs."""

import psutil
import tensorflow as tf

GIB = 2.0**30


def memory_in_use() -> dict[str, float]:
    """Returns the resident memory of this process in GiB; with GPUs also current and peak use of the fullest one."""
    metrics = {"host_memory_gib": psutil.Process().memory_info().rss / GIB}
    count = len(tf.config.list_logical_devices("GPU"))
    gpus = [tf.config.experimental.get_memory_info(f"GPU:{index}") for index in range(count)]
    if gpus:
        metrics["device_memory_gib"] = max(gpu["current"] for gpu in gpus) / GIB
        metrics["device_memory_peak_gib"] = max(gpu["peak"] for gpu in gpus) / GIB
    return metrics
