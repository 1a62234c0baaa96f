"""How long, on what, from which seed."""

import dataclasses

from aag_tf.config.checks import require
from aag_tf.config.setting import check_settings, setting

LARGEST_SEED = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """Schedule: how long, how large a batch, on which devices, and from which seed."""

    epochs: int = setting(100, "Passes over the train split. Accuracy keeps rising for hundreds of them.", low=1)
    train_steps: int | None = setting(None, "Optimizer steps; replaces --epochs. Use it for quick trials.", low=1)
    global_batch_size: int = setting(
        64, "Images of a step, over all replicas; at least two, since the other images are the negatives.", low=2
    )
    seed: int = setting(
        0,
        "Decides weights, order and augmentation. Compare settings over several seeds.",
        low=0,
        high=LARGEST_SEED,
    )
    replicas: int | None = setting(
        None,
        "GPUs to split a batch over; must divide --global_batch_size. Default: all GPUs, or the CPU. A small batch is "
        "better off with 1, whose step XLA compiles; it cannot compile one over several.",
        low=1,
        resumable=True,
    )
    cpu_replicas: int | None = setting(
        None,
        "Split the CPU into this many replicas to try out distribution without GPUs; the losses stay the same.",
        low=1,
        resumable=True,
    )
    precision: str = setting(
        "auto",
        "Arithmetic of the networks; the loss is always computed in float32. auto is mixed_bfloat16 where the hardware "
        "computes in it (CPUs with AVX512-BF16 or AMX, GPUs from compute capability 8.0), otherwise float32; a resumed "
        "run keeps its own. mixed_float16 is for older GPUs.",
        choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"),
    )
    jit_compile: str = setting(
        "auto",
        "Compile the train step with XLA: auto on a single GPU only (on a CPU it is slower), on for one device of any "
        "kind. With off, the branches that draw views are not compiled either, which auto and on do on every device.",
        choices=("auto", "on", "off"),
        resumable=True,
    )
    steps_per_execution: int = setting(
        1,
        "Steps that run in one call into TensorFlow. Raise it if a fast GPU waits for Python.",
        low=1,
        resumable=True,
    )
    accumulation_steps: int = setting(
        1,
        "Send a batch through the networks in this many micro-batches, to fit a large one into memory. The loss still "
        "has the negatives of the whole batch; each image is embedded twice, and batch norm sees a micro-batch.",
        low=1,
    )

    local_shards: bool = setting(
        False,
        "Several machines: each trains on the files of a pack (--dataset=pack:PATH) that lie on its own disk, and "
        "needs no others. Off, each needs all of them, and reads its rows of every batch.",
    )

    def __post_init__(self) -> None:
        check_settings(self)
        require(
            self.replicas is None or self.cpu_replicas is None,
            "--replicas counts GPUs and --cpu_replicas splits the CPU; give one of the two.",
        )
        name = "cpu_replicas" if self.replicas is None else "replicas"
        count = getattr(self, name) or 1
        self.check_replicas(count, f"--{name}={count}")

    def check_replicas(self, replicas: int, shown: str) -> None:
        """Checks that the batch and the compiler allow so many replicas.

        Args:
            replicas: how many share a step.
            shown: how the user knows them, such as `--replicas=4` or `4 GPUs`.

        Raises:
            ConfigError: the batch cannot be split evenly, or XLA is to compile a step over several replicas.
        """
        parts = replicas * self.accumulation_steps
        over = [shown] if replicas > 1 else []
        over += [f"--accumulation_steps={self.accumulation_steps}"] if self.accumulation_steps > 1 else []
        require(
            self.global_batch_size % parts == 0,
            f"--global_batch_size={self.global_batch_size} cannot be split evenly over {' and '.join(over)}; use a "
            f"multiple of {parts}, or fewer parts.",
        )
        require(
            replicas == 1 or self.jit_compile != "on",
            f"--jit_compile=on cannot compile a step over {shown}, since XLA cannot gather between replicas; leave it "
            "at auto.",
        )
