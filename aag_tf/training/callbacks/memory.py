"""Memory in use, of this process and of its GPUs."""

import psutil
import tensorflow as tf

GIB = 2.0**30


def memory_in_use() -> dict[str, float]:
    """GiB that are resident in this process; with GPUs, also what is in use, and was at most, on the fullest one."""
    figures = {"host_memory_gib": psutil.Process().memory_info().rss / GIB}
    count = len(tf.config.list_logical_devices("GPU"))
    gpus = [tf.config.experimental.get_memory_info(f"GPU:{index}") for index in range(count)]
    if gpus:
        figures["device_memory_gib"] = max(gpu["current"] for gpu in gpus) / GIB
        figures["device_memory_peak_gib"] = max(gpu["peak"] for gpu in gpus) / GIB
    return figures
