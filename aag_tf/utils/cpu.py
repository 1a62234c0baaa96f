"""What the CPU can compute: whether oneDNN pays, and whether bfloat16 is arithmetic of the hardware.

Standard library only, since it is asked before TensorFlow is imported.
"""

import functools
import os
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
# Values of ONEDNN_MAX_CPU_ISA that still allow bfloat16; they, and the older name of the variable, are from
# https://oneapi-src.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
WITH_BFLOAT16 = ("ALL", "DEFAULT", "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX512_CORE_AMX", "AVX10")
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


@functools.cache
def cpu_features() -> frozenset[str]:
    """Features of an x86-64 CPU by their names in Linux, such as `avx2`; empty on other CPUs and systems."""
    try:
        with CPU_INFO.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == "flags":
                    return frozenset(value.split())
    except OSError:
        pass
    return frozenset()


def onednn_pays() -> bool:
    """Whether TensorFlow's convolutions are faster in oneDNN than in its own kernels, as on x86-64 CPUs with AVX2.

    TensorFlow itself switches oneDNN on only where the CPU has instructions for neural networks (AVX512-VNNI, AVX-VNNI,
    AMX). Other CPUs, as of ARM, are left to its choice.
    """
    return "avx2" in cpu_features()


def computes_bfloat16() -> bool:
    """Whether TensorFlow computes bfloat16 in hardware on this CPU: AVX512-BF16 or AMX-BF16, through oneDNN."""
    if not cpu_features() & {"avx512_bf16", "amx_bf16"} or onednn_switched_off():
        return False
    limit = next((os.environ[name].upper() for name in LIMITS if os.environ.get(name)), "ALL")
    return limit.startswith(WITH_BFLOAT16)


def onednn_switched_off() -> bool:
    """Whether the user has switched oneDNN off."""
    return os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower() in ("0", "false")
