"""Chooses the arithmetic of the networks: bfloat16 where the devices of a run compute in it, otherwise float32."""

import tensorflow as tf

from aag_tf.config import ScheduleConfig
from aag_tf.utils.cpu import computes_bfloat16, hidden_bfloat16
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.log import logger

BFLOAT16_CAPABILITY = (8, 0)  # compute capability of NVIDIA's Ampere, the first with bfloat16
COST_WITHOUT = 5.8  # times the CPU time of a training step in float32; measured on a CPU with AVX2 and no AVX-512


def resolve_precision(schedule: ScheduleConfig) -> str:
    """Returns the precision of a run: the one asked for, or for `auto` the faster one of this machine's devices.

    That is `mixed_bfloat16` on GPUs if all that the run uses have compute capability 8.0 or more, and on a CPU with
    AVX512-BF16 or AMX-BF16. TensorFlow computes bfloat16 on ARM CPUs, too, but it was not measured there.
    """
    if schedule.precision != "auto":
        return schedule.precision
    gpus = _gpus(schedule)
    fast = all(_capability(gpu) >= BFLOAT16_CAPABILITY for gpu in gpus) if gpus else computes_bfloat16()
    return "mixed_bfloat16" if fast else "float32"


def check_bfloat16(schedule: ScheduleConfig) -> None:
    """Warns in one line where a run computes bfloat16 on a CPU that has no instructions for it.

    Raises:
        ConfigError: oneDNN may not use the instructions that the CPU has, with which TensorFlow fails.
    """
    if schedule.precision != "mixed_bfloat16" or _gpus(schedule) or computes_bfloat16():
        return
    limit = hidden_bfloat16()
    if limit is not None:
        raise ConfigError(
            f"--precision=mixed_bfloat16 cannot be computed while the environment has {limit}; use "
            "--precision=float32, or remove that variable."
        )
    logger.warning(
        "--precision=mixed_bfloat16 has no hardware on this CPU, where a step takes %.1f times as long as in float32 "
        "(measured with AVX2); a new run is faster with --precision=auto",
        COST_WITHOUT,
    )


def _gpus(schedule: ScheduleConfig) -> list[tf.config.PhysicalDevice]:
    """The GPUs that a run uses; none where it trains on the CPU."""
    if schedule.cpu_replicas is not None:
        return []
    return tf.config.list_physical_devices("GPU")[: schedule.replicas]


def _capability(gpu: tf.config.PhysicalDevice) -> tuple[int, int]:
    """Compute capability of a GPU; 0.0 for a device that has none, as of other makers."""
    return tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
