"""Tables of the study's results, as Markdown: accuracies, differences, views needed, settings, memory."""

import numpy as np
from ablation_methods import AROUND, METHODS, SIMCLR, trial_settings
from ablation_statistics import (
    Difference,
    adjusted_intervals,
    batches_of,
    by_seed,
    mean_and_deviation,
    mean_curve,
    paired_difference,
    peak_memory,
    share_to_reach,
)
from benchmark_tools import Row as Record
from benchmark_tools import table

INTERVALS = (
    "Mean difference over the seeds that both have (their number is in parentheses) with its 95 % interval (Student's "
    "t, paired), followed by Dunnett's interval for the difference of the means over all seeds, which holds for all "
    "rows of a column at once. Both intervals describe the variation over seeds, not over test images."
)
CURVES_NOTE = (
    "In brackets: 95 % of 2,000 draws of the seeds, which with three seeds says little. In parentheses: the difference "
    "at the end. The values are means over seeds of the curves in the first picture: 20-NN from 10,000 training images "
    "on 2,000 held-out ones. They are lower than in the tables above, and accurate to about one point."
)


def shown(difference: Difference) -> str:
    """Formats a difference as `+0.6 [+0.1, +1.1] (3)`: mean, 95 % interval (if there are several pairs), pairs."""
    if difference.pairs == 1:
        return f"{difference.mean:+.2f} (1)"
    return f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}] ({difference.pairs})"


def with_shared(records: list[Record], stage: str) -> list[Record]:
    """Returns the records of a stage; for `epochs`, with the two-view runs of `compute`, which have the same length."""
    own = [record for record in records if record["stage"] == stage]
    if stage == "epochs":
        two_views = {m for m, flags in METHODS.items() if "--aux=none" in flags}
        own += [r for r in records if r["stage"] == "compute" and r["method"] in two_views]
    return own


def accuracy_table(records: list[Record], stage: str) -> str:
    """Linear probe / 20-NN on test in percent: mean and standard deviation over seeds."""
    own, batches = with_shared(records, stage), batches_of(records, stage)
    rows = []
    for method in METHODS:
        cells = []
        for batch in batches:
            found = {
                m: mean_and_deviation(by_seed(own, "test", m, method=method, batch=batch).values())
                for m in ("linear", "knn")
            }
            cells.append(f"{found['linear']} / {found['knn']}")
        if any(cell != "– / –" for cell in cells):
            rows.append([method, *cells])
    return table(["linear / 20-NN on test, %", *(f"batch {batch}" for batch in batches)], rows)


def best_batch(records: list[Record], stage: str, method: str) -> int | None:
    """Returns the batch size with a method's best mean linear probe on held-out images."""
    own = with_shared(records, stage)
    means = {
        batch: float(np.mean(list(scores.values())))
        for batch in batches_of(records, stage)
        if (scores := by_seed(own, "validation", "linear", method=method, batch=batch))
    }
    return max(means, key=lambda batch: means[batch]) if means else None


def headline_table(records: list[Record], stage: str) -> str | None:
    """Each method at the smallest batch minus SimCLR at its best batch, with paired and adjusted intervals."""
    own, best = with_shared(records, stage), best_batch(records, stage, SIMCLR)
    if best is None:
        return None
    smallest = batches_of(records, stage)[0]
    methods = [
        method
        for method in METHODS
        if (method, smallest) != (SIMCLR, best) and by_seed(own, "test", "linear", method=method, batch=smallest)
    ]
    columns = [
        _compared(
            by_seed(own, "test", measure, method=SIMCLR, batch=best),
            [by_seed(own, "test", measure, method=method, batch=smallest) for method in methods],
        )
        for measure in ("linear", "knn")
    ]
    rows = [[f"{method}, batch {smallest}", *cells] for method, *cells in zip(methods, *columns, strict=True)]
    return table([f"difference to SimCLR at batch {best}, its best", "linear probe", "20-NN"], rows) if rows else None


def _compared(control: dict[int, float], others: list[dict[int, float]]) -> list[str]:
    """Returns paired differences to `control`, each with the interval that holds for all of `others` at once."""
    cells = [shown(paired_difference(other, control)) if set(other) & set(control) else "–" for other in others]
    known = [index for index, other in enumerate(others) if len(other) > 1]
    if len(control) > 1 and known:
        intervals = adjusted_intervals([*control.values()], [[*others[index].values()] for index in known])
        for index, (low, high) in zip(known, intervals, strict=True):
            cells[index] += f"; [{low:+.2f}, {high:+.2f}]"
    return cells


def same_table(records: list[Record]) -> str | None:
    """Methods whose trials chose other settings, run with SimCLR's: on test, and minus SimCLR by seed."""
    own, rows = [record for record in records if record["stage"] == "same"], []
    for method in METHODS:
        found = {m: by_seed(own, "test", m, method=method) for m in ("linear", "knn")}
        if not found["linear"]:
            continue
        batch = own[0]["batch"]
        cells = [" / ".join(mean_and_deviation(values.values()) for values in found.values())]
        for measure, values in found.items():
            simclr = by_seed(records, "test", measure, stage="compute", method=SIMCLR, batch=batch)
            cells.append(shown(paired_difference(values, simclr)) if set(values) & set(simclr) else "–")
        rows.append([f"{method}, batch {batch}", *cells])
    header = ["linear / 20-NN on test, %", "with SimCLR's settings", "difference, linear", "difference, 20-NN"]
    return table(header, rows) if rows else None


def second_tables(records: list[Record]) -> str | None:
    """The comparison on the second data set."""
    second = [record | {"stage": "compute"} for record in records if record["stage"] == "second"]
    if not second:
        return None
    return f"{accuracy_table(second, 'compute')}\n\n{headline_table(second, 'compute') or ''}".rstrip()


def speed_table(records: list[Record]) -> str | None:
    """Share of views after which held-out 20-NN reaches SimCLR's final value at the same batch, with its interval.

    Of means over seeds, because curves of single seeds are measured on few images and cross by chance.
    """
    rows, batches = [], batches_of(records, "compute")
    for method in METHODS:
        cells = []
        for batch in batches:
            of_method, of_simclr = (
                {
                    r["seed"]: r["knn_curve"]
                    for r in records
                    if r["stage"] == "compute" and r["batch"] == batch and r["method"] == name
                }
                for name in (method, SIMCLR)
            )
            both = sorted(set(of_method) & set(of_simclr))
            if not both:
                cells.append("–")
                continue
            ends = [mean_curve(curves[seed] for seed in both)[-1][1] for curves in (of_method, of_simclr)]
            shares = [_percent(share) for share in share_to_reach(of_method, of_simclr)]
            cells.append(f"{shares[0]} [{shares[1]}, {shares[2]}] (ends {100 * (ends[0] - ends[1]):+.1f})")
        rows.append([method, *cells])
    header = ["share of views until SimCLR's final 20-NN is reached", *(f"batch {b}" for b in batches)]
    return f"{table(header, rows)}\n\n{CURVES_NOTE}" if batches else None


def _percent(share: float) -> str:
    return "never" if share == float("inf") else f"{100 * share:.0f} %"


def around_table(records: list[Record]) -> str | None:
    """One setting changed at a time: held-out images, minus the unchanged method with the same seed."""
    own = [record for record in records if record["stage"] == "around"]
    if not own:
        return None
    method, batch = own[0]["method"], own[0]["batch"]
    base = {
        m: by_seed(records, "validation", m, stage="compute", method=method, batch=batch) for m in ("linear", "knn")
    }
    rows = [["unchanged", mean_and_deviation(base["linear"].values()), "", ""]]
    for variant in AROUND:
        found = {m: by_seed(own, "validation", m, method=method, variant=variant) for m in ("linear", "knn")}
        if not found["linear"]:
            continue
        cells = [mean_and_deviation(found["linear"].values())]
        for measure in ("linear", "knn"):
            shared = set(found[measure]) & set(base[measure])
            cells.append(shown(paired_difference(found[measure], base[measure])) if shared else "")
        rows.append([variant, *cells])
    return table([f"{method}, batch {batch}", "linear, held-out", "change", "change, 20-NN"], rows)


def tuned_table(records: list[Record]) -> str | None:
    """Settings that the trials chose: temperature, learning rate at batch 64, color strength."""
    trials = [record for record in records if record["stage"] == "tune"]
    if not trials:
        return None
    count, batches, rows = trials[0]["study"]["trials"], batches_of(records, "tune"), []
    for method in METHODS:
        cells = []
        for batch in batches:
            own = [r for r in trials if r["method"] == method and r["batch"] == batch]
            best = max(own, key=lambda r: (r["validation"]["linear"], -r["trial"])) if len(own) == count else None
            cells.append("–" if best is None else " / ".join(f"{v:g}" for v in trial_settings(count)[best["trial"]]))
        rows.append([method, *cells])
    return table(["τ / learning rate at batch 64 / color", *(f"batch {b}" for b in batches)], rows)


def memory_table(records: list[Record]) -> str | None:
    """Peak resident memory of a training process in MiB, the median over seeds."""
    batches, rows = batches_of(records, "compute"), []
    for method in METHODS:
        peaks = [peak_memory(records, method, batch) for batch in batches]
        rows.append([method, *("–" if peak is None else f"{peak:.0f}" for peak in peaks)])
    return table(["peak memory, median, MiB", *(f"batch {b}" for b in batches)], rows) if batches else None
