"""What the rounding of a run's numbers depends on, beside its settings: recorded, and compared when it is resumed.

The sum of floating-point numbers depends on their order, and that on how many threads share an operation, on the
kernels that compute it, and on the hardware that these are chosen for.
"""

import dataclasses

from aag_tf.utils.text import counted

THREADS = "TF_NUM_INTRAOP_THREADS"  # which TensorFlow reads when it starts


@dataclasses.dataclass(frozen=True)
class Arithmetic:
    """What the numbers of a run are computed with.

    Args:
        devices: names of the devices that the run is distributed over.
        processor: name of the CPU.
        threads: number of threads that share an operation of TensorFlow on the CPU.
        onednn: whether oneDNN computes operations on the CPU.
        tensorflow: version of TensorFlow.
    """

    devices: list[str]
    processor: str
    threads: int
    onednn: bool
    tensorflow: str

    def changes_since(self, before: "Arithmetic") -> list[str]:
        """Describes what differs, such as `1 thread in place of 2 threads`."""
        pairs = zip(self._described(), before._described(), strict=True)
        return [f"{now} in place of {then}" for now, then in pairs if now != then]

    def _described(self) -> list[str]:
        return [
            " and ".join(self.devices),
            self.processor,
            counted(self.threads, "thread"),
            f"oneDNN {'on' if self.onednn else 'off'}",
            f"TensorFlow {self.tensorflow}",
        ]
