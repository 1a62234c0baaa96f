"""Schedule: how long, how large a batch, on which devices, and from which seed."""

from absl import flags

from aag_tf.config import JIT_MODES, PRECISIONS, ScheduleConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `ScheduleConfig`."""
    _define_length(flag_values)
    _define_devices(flag_values)


def _define_length(flag_values: flags.FlagValues) -> None:
    default = ScheduleConfig()
    flags.DEFINE_integer(
        "epochs",
        default.epochs,
        "Passes over the train split, 1 or more. Accuracy keeps rising for hundreds of them.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "train_steps",
        default.train_steps,
        "Optimizer steps, 1 or more; replaces --epochs. Use it for quick trials.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "global_batch_size",
        default.global_batch_size,
        "Images of a step, over all replicas; 2 or more, since the other images are the negatives.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "seed",
        default.seed,
        "Decides weights, order and augmentation, 0 or more. Compare settings over several seeds.",
        flag_values=flag_values,
    )


def _define_devices(flag_values: flags.FlagValues) -> None:
    default = ScheduleConfig()
    flags.DEFINE_integer(
        "replicas",
        default.replicas,
        "GPUs to split a batch over; must divide --global_batch_size. Default: all GPUs, or the CPU. A small batch is "
        "better off with 1, whose step XLA compiles; it cannot compile one over several.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "cpu_replicas",
        default.cpu_replicas,
        "Split the CPU into this many replicas to try out distribution without GPUs; the losses stay the same.",
        flag_values=flag_values,
    )
    _define_arithmetic(flag_values)


def _define_arithmetic(flag_values: flags.FlagValues) -> None:
    default = ScheduleConfig()
    flags.DEFINE_enum(
        "precision",
        default.precision,
        PRECISIONS,
        "Arithmetic of the networks; the loss is always computed in float32. mixed_bfloat16 is faster on recent CPUs "
        "and GPUs, mixed_float16 on older GPUs.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "jit_compile",
        default.jit_compile,
        JIT_MODES,
        "Compile the train step with XLA: auto on a single GPU only (on a CPU it is slower), on for one device of any "
        "kind. With off, the branches that draw views are not compiled either, which auto and on do on every device.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "steps_per_execution",
        default.steps_per_execution,
        "Steps that run in one call into TensorFlow, 1 or more. Raise it if a fast GPU waits for Python.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "accumulation_steps",
        default.accumulation_steps,
        "Send a batch through the networks in this many micro-batches, to fit a large one into memory. The loss still "
        "has the negatives of the whole batch; each image is embedded twice, and batch norm sees a micro-batch.",
        flag_values=flag_values,
    )
