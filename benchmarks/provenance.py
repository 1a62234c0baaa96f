"""Where a measured row comes from: commit, versions of the libraries, processor and its flags."""

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from benchmark_tools import Row

PACKAGES = ("aag-tf", "tensorflow", "keras", "numpy", "scikit-learn")
# The instructions that decide which kernels oneDNN and XLA take, and so the speed and the rounding.
CPU_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8", "amx_tile")


@functools.cache
def provenance() -> Row:
    """Returns `commit` (with `+changes` if files differ from it), `versions`, `machine` and `cpu_flags`."""
    return {"commit": commit(), "versions": versions(), "machine": machine(), "cpu_flags": cpu_flags()}


def commit() -> str:
    """Returns the commit that this file lies in; `unknown` outside a checkout."""
    here = Path(__file__).parent
    commands = (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"])
    try:
        name, changes = (
            subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout.strip()
            for command in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name}+changes" if changes else name


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that compute."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Returns number and name of the cores: `2 cores of AMD EPYC`."""
    names = _cpuinfo("model name")
    return f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}"


def cpu_flags() -> list[str]:
    """Returns which of `CPU_FLAGS` the processor has; empty where the system does not say."""
    lines = _cpuinfo("flags")
    return [name for name in CPU_FLAGS if lines and name in lines[0].split()]


def _cpuinfo(field: str) -> list[str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == field]
