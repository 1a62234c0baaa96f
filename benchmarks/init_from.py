"""Does starting from trained weights help over random ones, at equal steps? And is `wsd` as good as a cosine?

    TFDS_DATA_DIR=DIR python benchmarks/init_from.py --hours=1   # continues from anywhere; DIR has both data sets
    python benchmarks/init_from.py --report                      # its tables

"Last month's run" is an encoder trained on half of CIFAR-10. New runs of a sixth of those steps then train on 5 000
other images: of CIFAR-10 ("same"), and of Fashion-MNIST ("other"), which is gray, so that the first convolution is
adapted. Each arm differs from random weights in what it adds to the flags alone; they were fixed before the first run,
and nothing was tuned. Everything is done with three seeds, of the earlier run too. What `aag-evaluate` measures on the
test split becomes one line of `--json`. "unmoved" are the earlier weights as they are: all frozen for a step. The
schedules come last.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import ablation_files
import numpy as np
from ablation_run import directory_of, remove_checkpoints
from ablation_statistics import paired_difference
from benchmark_tools import Row, table
from provenance import provenance

RESULTS = Path(__file__).parent / "results" / "init_from.jsonl"
SEEDS = (0, 1, 2)
COMMON = (
    *("--encoder=tiny", "--width=0.5", "--global_batch_size=64", "--knn_every_epochs=0", "--projector_images=0"),
    "--validation_fraction=0",
)
EARLIER, STEPS = 1500, 250
CIFAR, FASHION = "--dataset=tfds:cifar10", "--dataset=tfds:fashion_mnist"
DATA = {
    "earlier": (CIFAR, "--train_split=train[:50%]", f"--train_steps={EARLIER}"),
    "same": (CIFAR, "--train_split=train[90%:]", f"--train_steps={STEPS}"),
    "other": (FASHION, "--train_split=train[:5000]", f"--train_steps={STEPS}"),
}
LOWER = "--learning_rate=0.00117"  # a third of the default
# What each arm adds; all but the first start from the earlier run.
ARMS = {
    "scratch": (),
    "start": (),
    "lower rate": (LOWER,),
    "lower rate, layer decay": (LOWER, "--layer_decay=0.8"),
    "unmoved": ("--freeze_until=0.999", "--train_steps=1"),
}
SCHEDULES = {"cosine": (), "wsd": ("--lr_schedule=wsd",)}
REFERENCES = ("scratch", "start")  # what each arm is compared with
MEASURES = {"knn": "kNN", "linear": "linear probe"}


@dataclasses.dataclass(frozen=True)
class Job:
    """One run: its images, what it adds to the flags, and its seed."""

    data: str
    arm: str
    seed: int

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.data} {self.arm} seed{self.seed}"

    @property
    def source(self) -> "Job | None":
        """The run whose weights it starts from."""
        return None if self.data == "earlier" or self.arm == "scratch" else Job("earlier", "cosine", self.seed)

    def flags(self, runs: Path) -> list[str]:
        """Returns the flags of `aag-train`, without the run directory."""
        own = SCHEDULES[self.arm] if self.data == "earlier" else ARMS[self.arm]
        source = [] if self.source is None else [f"--init_from={directory_of(self.source.key, runs)}"]
        return [*COMMON, f"--seed={self.seed}", *DATA[self.data], *source, *own]


def jobs() -> Iterator[Job]:
    """Yields every run; those of a seed are complete before the next, and those of schedules are last."""
    for seed in SEEDS:
        for data in ("same", "other"):
            yield from (Job(data, arm, seed) for arm in ARMS)
    yield from (Job("earlier", schedule, seed) for seed in SEEDS for schedule in SCHEDULES)


def train(job: Job, runs: Path) -> Path:
    """Trains a run, or goes on with it, after the one whose weights it needs; returns its directory."""
    import aag_tf
    from aag_tf import flags

    run_dir = directory_of(job.key, runs)
    begun = (run_dir / "run.json").exists()
    if job.source is not None and not begun:
        train(job.source, runs)
    given = [*job.flags(runs), f"--run_dir={run_dir}", *(["--resume"] if begun else [])]
    aag_tf.train(flags.parse(["aag-train", *given], aag_tf.TrainConfig, usage=""))
    return run_dir


def run_job(job: Job, runs: Path) -> Row:
    """Trains and evaluates one run; returns what `aag-evaluate --measures=knn,linear` measures on test."""
    import aag_tf

    began = time.monotonic()
    run_dir = train(job, runs)
    protocol = aag_tf.ProtocolConfig(measures="knn,linear", split="test", baselines="none")
    evaluation = aag_tf.evaluate(aag_tf.EvaluateConfig(run_dir=str(run_dir), protocol=protocol))
    (result,) = evaluation.results
    record = aag_tf.load_run(str(run_dir)).record
    return {
        "key": job.key,
        **dataclasses.asdict(job),
        "flags": job.flags(Path()),
        "step": evaluation.subject["step"],
        "precision": record.config.schedule.precision,
        "initial_weights": record.initial_weights,
        "accuracies": {each.name: [each.value, each.low, each.high] for each in result.measures},
        "seconds": round(time.monotonic() - began),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **provenance(),
    }


def report(records: Mapping[str, Row]) -> str:
    """Returns the tables of the documentation."""
    titles = {"same": "5 000 other images of CIFAR-10", "other": "5 000 images of Fashion-MNIST"}
    parts = [
        f"**{title}**, {STEPS} steps\n\n{comparison(records, data, list(ARMS), REFERENCES)}"
        for data, title in titles.items()
    ]
    if any(job.arm == "wsd" and job.key in records for job in jobs()):
        schedules = comparison(records, "earlier", list(SCHEDULES), ("cosine",))
        parts.append(f"**Half of CIFAR-10 from random weights**, {EARLIER:,} steps\n\n{schedules}")
    return "\n\n".join(parts)


def comparison(records: Mapping[str, Row], data: str, arms: Sequence[str], references: Sequence[str]) -> str:
    """Returns the accuracies of arms in percent, means over seeds, and their differences to those of references."""
    rows: list[list[object]] = []
    for arm in arms:
        cells: list[object] = [arm]
        for measure in MEASURES:
            own = accuracies(records, data, arm, measure)
            cells.append(f"{np.mean(list(own.values())):.1f}" if own else "–")
            others = ({} if each == arm else accuracies(records, data, each, measure) for each in references)
            cells += [difference(own, other) for other in others]
        rows.append(cells)
    header = [cell for title in MEASURES.values() for cell in (title, *(f"− {each}" for each in references))]
    return table(["", *header], rows)


def difference(own: Mapping[int, float], reference: Mapping[int, float]) -> str:
    """Returns a paired difference over seeds with its interval; nothing of fewer than two pairs."""
    if len(own.keys() & reference.keys()) < 2:
        return ""
    found = paired_difference(own, reference)
    return f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"


def accuracies(records: Mapping[str, Row], data: str, arm: str, measure: str) -> dict[int, float]:
    """Returns `{seed: accuracy in percent}` of an arm, of the seeds that are done."""
    found = {seed: records.get(Job(data, arm, seed).key) for seed in SEEDS}
    return {seed: 100 * record["accuracies"][measure][0] for seed, record in found.items() if record is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=RESULTS, help="JSON lines, one per run")
    parser.add_argument("--runs", type=Path, default=Path("runs/init_from"), help="parent of the run directories")
    parser.add_argument("--hours", type=float, default=float("inf"), help="start no run after this many hours")
    parser.add_argument("--report", action="store_true", help="print the tables, and stop")
    given = parser.parse_args()
    if given.report:
        print(report(ablation_files.read(given.json)))
        return
    began = time.monotonic()
    with ablation_files.exclusive(given.json):
        done = ablation_files.read(given.json)
        for job in jobs():
            if job.key not in done and time.monotonic() - began < 3600 * given.hours:
                print(f"    {job.key}", file=sys.stderr)
                ablation_files.append(given.json, run_job(job, given.runs))
                if job.data != "earlier":  # which others start from
                    remove_checkpoints(job.key, given.runs)


if __name__ == "__main__":
    main()
