"""How long, on what, from which seed."""

import dataclasses

from aag_tf.config.checks import require, require_choice, require_range

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
JIT_MODES = ("auto", "on", "off")


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """How long, how large a batch, on which devices, and from which seed."""

    epochs: int = 100
    train_steps: int | None = None
    global_batch_size: int = 64
    seed: int = 0
    replicas: int | None = None
    cpu_replicas: int | None = None
    precision: str = "float32"
    jit_compile: str = "auto"
    steps_per_execution: int = 1
    accumulation_steps: int = 1

    def __post_init__(self) -> None:
        require_range("epochs", self.epochs, 1)
        if self.train_steps is not None:
            require_range("train_steps", self.train_steps, 1)
        require(
            self.global_batch_size >= 2,
            f"--global_batch_size={self.global_batch_size} leaves no negatives to contrast with; use 2 or more images.",
        )
        require_range("seed", self.seed, 0, 2**31 - 1)
        for name in ("replicas", "cpu_replicas"):
            count = getattr(self, name)
            if count is not None:
                require_range(name, count, 1)
                require(
                    self.global_batch_size % count == 0,
                    f"--global_batch_size={self.global_batch_size} cannot be split evenly over --{name}={count}; "
                    f"use a multiple of {count}.",
                )
        require_range("accumulation_steps", self.accumulation_steps, 1)
        parts = self.accumulation_steps * (self.replicas or self.cpu_replicas or 1)
        require(
            self.global_batch_size % parts == 0,
            f"--global_batch_size={self.global_batch_size} cannot be split evenly into "
            f"--accumulation_steps={self.accumulation_steps} micro-batches on every replica; use a "
            f"multiple of {parts}.",
        )
        require(
            self.replicas is None or self.cpu_replicas is None,
            "--replicas counts GPUs and --cpu_replicas splits the CPU; give one of the two.",
        )
        require_choice("precision", self.precision, PRECISIONS)
        require_choice("jit_compile", self.jit_compile, JIT_MODES)
        require(
            self.jit_compile != "on" or (self.replicas or self.cpu_replicas or 1) == 1,
            "--jit_compile=on cannot compile a step over several replicas, since XLA cannot gather between them; leave "
            "it at auto.",
        )
        require_range("steps_per_execution", self.steps_per_execution, 1)
