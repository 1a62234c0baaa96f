"""Speed of training on both kinds of CPU, with bfloat16 hardware and with AVX2 only, beside plain Keras and PyTorch.

    python benchmarks/cpu_kinds.py --peers_python=<a Python with torch> --json=cpu_kinds.json    # under 15 minutes
    python benchmarks/cpu_kinds.py --study=environment --json=environment.json                   # threads and memory

The work is the `step` of `peers_work.py`: views in memory, 64 images in two views, forward, loss, backward, optimizer,
with the encoders `tiny` and `resnet18`. A machine becomes one with AVX2 only by the variables that its kernel libraries
read (`AVX2_ONLY`); TensorFlow would then leave oneDNN off, which is what the rows "as TensorFlow comes" set.

All variants of one encoder on one kind of CPU wait in processes of their own, and take turns, so that other load on the
machine meets all alike. Rows have medians over the turns: images per second, CPU time and page faults of a step;
`ratio` compares images per second with the first variant. `torch` is left out where `--peers_python` does not have it.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmark_tools import Row, argument_parser, table, write_json
from peer_networks import SHAPES
from peers_work import BATCH, Ours, PlainKeras

AVX2_ONLY = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
AS_IT_COMES = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # what TensorFlow decides by itself on a CPU with AVX2 only
KINDS: dict[str, dict[str, str]] = {"this CPU": {}, "AVX2 only": AVX2_ONLY}
IN_PEERS_PYTHON = ("torch", "compiled")
WARM_UP = 3  # steps
STARTED_TOGETHER = 2  # processes; a start keeps one core busy


class Variant(NamedTuple):
    """One row: an implementation in a precision, in an environment.

    Args:
        name: of the row.
        implementation: `ours`, `keras`, `torch` or `compiled`.
        precision: `float32`, `bfloat16` or `auto`.
        environment: variables of its process, beside those of the kind of CPU.
        encoders: that it is measured with.
    """

    name: str
    implementation: str
    precision: str
    environment: Mapping[str, str] = MappingProxyType({})
    encoders: tuple[str, ...] = tuple(SHAPES)


def peers(*, bfloat16: bool) -> list[Variant]:
    """This project before and after it chose kernels and precision, and its peers as they come."""
    come = {} if bfloat16 else AS_IT_COMES
    variants = [
        Variant("aag_tf", "ours", "auto"),
        Variant("aag_tf", "ours", "float32"),
        Variant("plain Keras", "keras", "float32", come),
        Variant("PyTorch", "torch", "float32"),
        Variant("PyTorch, compiled", "compiled", "float32"),
    ]
    if bfloat16:
        others = ("plain Keras", "keras"), ("PyTorch", "torch"), ("PyTorch, compiled", "compiled")
        return variants + [Variant(*other, "bfloat16") for other in others]
    return [
        *variants[:1],  # `auto` is float32
        Variant("aag_tf, as TensorFlow comes", "ours", "float32", come),
        Variant("aag_tf, as TensorFlow comes", "ours", "bfloat16", come, ("tiny",)),
        *variants[2:],
    ]


def environment(*, bfloat16: bool) -> list[Variant]:
    """Settings of threads and of memory allocation for this project, on kernels of its own choice."""
    keep = {"MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
    settings = {
        "unchanged": {},
        "memory kept (malloc)": keep,
        "memory kept, one arena": keep | {"MALLOC_ARENA_MAX": "1"},
        "huge pages (malloc)": {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
        "memory kept, huge pages": keep | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
        "one inter-op thread": {"TF_NUM_INTEROP_THREADS": "1"},
        "one intra-op thread": {"TF_NUM_INTRAOP_THREADS": "1"},
    }
    return [Variant(name, "ours", "auto", variables) for name, variables in settings.items()]


STUDIES: dict[str, Callable[..., list[Variant]]] = {"peers": peers, "environment": environment}


def make(implementation: str, precision: str, encoder: str) -> Any:
    """Builds an implementation in this process.

    Raises:
        ImportError: it needs a package that is not installed.
    """
    if implementation == "ours":
        return Ours("none", precision, encoder)
    if implementation == "keras":
        return PlainKeras(precision, encoder)
    from cpu_kinds_torch import PlainTorch

    return PlainTorch(precision, encoder, compiled=implementation == "compiled")


def work(implementation: str, precision: str, encoder: str) -> None:
    """Answers each number of seconds on standard input with what so many seconds of steps took, as JSON."""
    try:
        step = make(implementation, precision, encoder).step()
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    for _ in range(WARM_UP):
        step()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(step, float(line))), flush=True)


def measure(step: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Runs steps for some seconds, at least two, and returns images per second, CPU time and page faults of a step."""
    began, cpu, faults, steps = time.perf_counter(), time.process_time(), _page_faults(), 0
    while steps < 2 or time.perf_counter() - began < seconds:
        step()
        steps += 1
    taken = time.perf_counter() - began
    return {
        "images_per_second": BATCH * steps / taken,
        "cpu_ms": 1000 * (time.process_time() - cpu) / steps,
        "page_faults": (_page_faults() - faults) / steps,
    }


def _page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


class Worker:
    """A process that holds one variant and waits for its turn."""

    def __init__(self, variant: Variant, encoder: str, kind: str, peers_python: str) -> None:
        self.variant = variant
        python = peers_python if variant.implementation in IN_PEERS_PYTHON else sys.executable
        settings = [f"--work={variant.implementation}", f"--precision={variant.precision}", f"--encoder={encoder}"]
        clean = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, __file__, *settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=clean | quiet | KINDS[kind] | dict(variant.environment),
        )

    def is_ready(self) -> bool:
        """Waits until the first steps are done; false where a package is not installed."""
        answer = self.answer()
        if "missing" in answer:
            print(f"{self.variant.name} is left out: {answer['missing']}.", file=sys.stderr)
        return "missing" not in answer

    def answer(self) -> dict[str, Any]:
        """Waits for the next answer.

        Raises:
            SystemExit: the process has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace")[-2000:]
            raise SystemExit(
                f"{self.variant.name}, {self.variant.precision}: ended with {self._process.wait()}:\n{said}"
            )
        return json.loads(line)

    def turn(self, seconds: float) -> dict[str, float]:
        """Measures for some seconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return self.answer()

    def end(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        self._errors.close()


def measure_group(kind: str, encoder: str, variants: list[Variant], given: argparse.Namespace) -> list[Row]:
    """Measures the variants of one encoder on one kind of CPU in turns; ratios compare with the first of them."""
    workers: list[Worker] = []
    try:
        ready: list[Worker] = []
        for some in _parts(variants, STARTED_TOGETHER):
            started = [Worker(variant, encoder, kind, given.peers_python) for variant in some]
            workers += started
            ready += [worker for worker in started if worker.is_ready()]
        turns = [[worker.turn(given.seconds) for worker in ready] for _ in range(given.rounds)]
    finally:
        for worker in workers:
            worker.end()
    shared = {"kind": kind, "encoder": encoder, "batch": BATCH, "rounds": given.rounds}
    rows = []
    for index, worker in enumerate(ready):
        variant = worker.variant
        described = {"variant": variant.name, "precision": variant.precision, "environment": dict(variant.environment)}
        rows.append(shared | described | medians([turn[index] for turn in turns], [turn[0] for turn in turns]))
    return rows


def _parts(variants: list[Variant], size: int) -> list[list[Variant]]:
    return [variants[start : start + size] for start in range(0, len(variants), size)]


def medians(mine: list[dict[str, float]], first: list[dict[str, float]]) -> Row:
    """Returns medians, the range of images per second, and the median of their ratios to the first variant's turns."""
    speeds = [turn["images_per_second"] for turn in mine]
    ratios = [one["images_per_second"] / other["images_per_second"] for one, other in zip(mine, first, strict=True)]
    row: Row = {name: statistics.median(turn[name] for turn in mine) for name in mine[0]}
    return row | {"range": [min(speeds), max(speeds)], "ratio": statistics.median(ratios)}


def results_table(rows: list[Row]) -> str:
    """Returns a table with one row per variant."""
    header = ["CPU", "encoder", "", "precision", "images/s", "range", "ratio", "CPU ms a step", "page faults a step"]
    cells = [
        (
            *(row[name] for name in ("kind", "encoder", "variant", "precision")),
            f"{row['images_per_second']:.1f}",
            "{:.1f} to {:.1f}".format(*row["range"]),
            f"{row['ratio']:.2f}",
            f"{row['cpu_ms']:.0f}",
            f"{row['page_faults']:,.0f}",
        )
        for row in rows
    ]
    return table(header, cells, text_columns=4)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--study", choices=STUDIES, default="peers")
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torch")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--encoders", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=5, help="turns of every variant")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn, at least two steps")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--precision", help=argparse.SUPPRESS)
    parser.add_argument("--encoder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.precision, given.encoder)
        return
    from aag_tf.utils.cpu import computes_bfloat16  # not in the environment of the peers

    rows: list[Row] = []
    for kind in given.kinds:
        bfloat16 = not KINDS[kind] and computes_bfloat16()
        for encoder in given.encoders:
            variants = [one for one in STUDIES[given.study](bfloat16=bfloat16) if encoder in one.encoders]
            rows += measure_group(kind, encoder, variants, given)
            print(results_table(rows[-len(variants) :]), file=sys.stderr)
            write_json(given.json, rows)
    print(results_table(rows))


if __name__ == "__main__":
    main()
