"""Puts another CPU into the machine, as far as the package looks at it: by the features that Linux lists."""

import functools
from pathlib import Path

from aag_tf.utils import cpu

AVX2 = "fpu avx avx2 fma"
BFLOAT16 = f"{AVX2} avx512f avx512_vnni avx512_bf16"


def install_cpu(monkeypatch, directory: Path, flags: str, name: str = "flags\t\t") -> None:
    """Installs a CPU with these features; variables that limit what is used of it are unset."""
    for variable in ("TF_ENABLE_ONEDNN_OPTS", *cpu.LIMITS):
        monkeypatch.delenv(variable, raising=False)
    path = directory / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: of a test\n{name}: {flags}\n\nprocessor\t: 1\n{name}: other\n")
    monkeypatch.setattr(cpu, "CPU_INFO", path)
    # With a cache of its own, so that the next test asks the real machine.
    monkeypatch.setattr(cpu, "cpu_features", functools.cache(cpu.cpu_features.__wrapped__))
