"""What the CPU can compute: whether oneDNN pays, whether bfloat16 is arithmetic of the hardware, and how many cores.

Standard library only, since it is asked before TensorFlow is imported.
"""

import contextlib
import functools
import os
import platform
from pathlib import Path

from aag_tf.utils.cgroups import limit_files

CPU_INFO = Path("/proc/cpuinfo")
# Values of ONEDNN_MAX_CPU_ISA that still allow bfloat16; they, and the older name of the variable, are from
# https://oneapi-src.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
WITH_BFLOAT16 = ("ALL", "DEFAULT", "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX512_CORE_AMX", "AVX10")
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


@functools.cache
def cpu_features() -> frozenset[str]:
    """Features of an x86-64 CPU by their names in Linux, such as `avx2`; empty on other CPUs and systems."""
    return frozenset(_in_cpu_info("flags").split())


def cpu_name() -> str:
    """Name of the CPU, such as `AMD EPYC 7B13`; of its architecture where Linux knows no other."""
    return _in_cpu_info("model name") or platform.machine()


def _in_cpu_info(wanted: str) -> str:
    """Returns what Linux says of the first core; empty where it says nothing."""
    try:
        with CPU_INFO.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == wanted:
                    return value.strip()
    except OSError:
        pass
    return ""


def onednn_pays() -> bool:
    """Whether TensorFlow's convolutions are faster in oneDNN than in its own kernels, as on x86-64 CPUs with AVX2.

    TensorFlow itself switches oneDNN on only where the CPU has instructions for neural networks (AVX512-VNNI, AVX-VNNI,
    AMX). Other CPUs, as of ARM, are left to its choice.
    """
    return "avx2" in cpu_features()


def computes_bfloat16() -> bool:
    """Whether TensorFlow computes bfloat16 in hardware on this CPU: AVX512-BF16 or AMX-BF16, through oneDNN."""
    return _has_bfloat16() and not onednn_switched_off() and hidden_bfloat16() is None


def hidden_bfloat16() -> str | None:
    """Returns the setting `NAME=VALUE` that keeps oneDNN from the bfloat16 of this CPU, if there is one.

    TensorFlow looks at the CPU alone, asks oneDNN for kernels that it then does not have, and ends with an error.
    """
    if not _has_bfloat16() or onednn_switched_off():
        return None
    limit = next((name for name in LIMITS if os.environ.get(name)), None)
    if limit is None or os.environ[limit].upper().startswith(WITH_BFLOAT16):
        return None
    return f"{limit}={os.environ[limit]}"


def _has_bfloat16() -> bool:
    return bool(cpu_features() & {"avx512_bf16", "amx_bf16"})


def onednn_switched_off() -> bool:
    """Whether the user has switched oneDNN off."""
    return os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower() in ("0", "false")


def usable_cores() -> float:
    """Returns the cores that this process may keep busy: those it is bound to, or a container's quota if it is less."""
    return min([float(bound_cores()), *_quotas()])


def bound_cores() -> int:
    """Returns the number of cores that this process is bound to."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas() -> list[float]:
    """Cores of each control group that has a quota of processor time."""
    quotas = []
    for file in limit_files("cpu", "cpu.max", "cpu.cfs_quota_us"):
        with contextlib.suppress(OSError, ValueError):  # missing, or "max"
            quota, *period = map(float, file.read_text().split())
            if quota > 0:  # -1 is none in version 1
                quotas.append(quota / (period or [float(file.with_name("cpu.cfs_period_us").read_text())])[0])
    return quotas
