"""Tables and pictures of the study, from the results that have ended so far.

    python benchmarks/ablation_report.py                            # prints the tables
    python benchmarks/ablation_report.py --write                    # and puts them into docs/results.md, with pictures

In `docs/results.md` what stands between the two markers of the study is replaced; the rest is left as it is.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import ablation_files
import numpy as np
from ablation_pictures import draw
from ablation_plan import AROUND, METHODS, SIMCLR, trial_settings
from ablation_statistics import (
    Difference,
    Record,
    batches_of,
    by_seed,
    mean_and_deviation,
    mean_curve,
    paired_difference,
    views_to_reach,
)

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
BEGIN, END = "<!-- ablation: begin -->", "<!-- ablation: end -->"
STAGE_TITLES = {"compute": "equal encoder views", "epochs": "equal epochs"}

Rows = list[list[str]]


def markdown(header: Sequence[str], rows: Rows) -> str:
    """A Markdown table whose first column is text."""
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def shown(difference: Difference) -> str:
    """`+0.6 [+0.1, +1.1] (3)`: mean, 95 % interval, pairs; no interval of one pair."""
    if difference.pairs == 1:
        return f"{difference.mean:+.2f} (1)"
    return f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}] ({difference.pairs})"


def with_shared(records: list[Record], stage: str) -> list[Record]:
    """The records of a stage; two views at equal epochs are those at equal views, and were not run again."""
    own = [record for record in records if record["stage"] == stage]
    if stage == "epochs":
        two_views = {m for m, flags in METHODS.items() if "--aux=none" in flags}
        own += [r for r in records if r["stage"] == "compute" and r["method"] in two_views]
    return own


def accuracy_table(records: list[Record], stage: str) -> str:
    """Linear probe / 20-NN on test, per cent: mean and standard deviation over seeds."""
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
        rows.append([method, *cells])
    return markdown(["linear / 20-NN on test, %", *(f"batch {batch}" for batch in batches)], rows)


def best_batch(records: list[Record], stage: str, method: str) -> int | None:
    """The batch at which a method does best on held-out images, by the mean over seeds of the linear probe."""
    own = with_shared(records, stage)
    means = {
        batch: float(np.mean(list(scores.values())))
        for batch in batches_of(records, stage)
        if (scores := by_seed(own, "validation", "linear", method=method, batch=batch))
    }
    return max(means, key=lambda batch: means[batch]) if means else None


def headline_table(records: list[Record], stage: str) -> str | None:
    """Each method at the smallest batch, less SimCLR at its best batch: paired over seeds."""
    own, best = with_shared(records, stage), best_batch(records, stage, SIMCLR)
    if best is None:
        return None
    smallest, rows = batches_of(records, stage)[0], []
    for method in METHODS:
        if (method, smallest) == (SIMCLR, best):
            continue
        cells = []
        for measure in ("linear", "knn"):
            first = by_seed(own, "test", measure, method=method, batch=smallest)
            second = by_seed(own, "test", measure, method=SIMCLR, batch=best)
            cells.append(shown(paired_difference(first, second)) if set(first) & set(second) else "–")
        rows.append([f"{method}, batch {smallest}", *cells])
    return markdown([f"less SimCLR at its best batch, {best}", "linear probe", "20-NN"], rows)


def speed_table(records: list[Record]) -> str | None:
    """Views at which the mean over seeds of held-out 20-NN reaches SimCLR's last at the same batch, as a share of all.

    Means, since the curves of single seeds are judged on few images and cross by chance.
    """
    rows, batches = [], batches_of(records, "compute")
    for method in METHODS:
        cells = []
        for batch in batches:
            curves = {
                name: mean_curve(
                    r["knn_curve"]
                    for r in records
                    if r["stage"] == "compute" and r["batch"] == batch and r["method"] == name
                )
                for name in (method, SIMCLR)
            }
            if not all(curves.values()):
                cells.append("–")
                continue
            wanted, (total, last) = curves[SIMCLR][-1], curves[method][-1]
            reached = views_to_reach(curves[method], wanted[1])
            place = "not reached" if reached is None else f"{100 * reached / total:.0f} %"
            cells.append(f"{place} (ends {100 * (last - wanted[1]):+.1f})")
        rows.append([method, *cells])
    return markdown(["views to SimCLR's last 20-NN", *(f"batch {b}" for b in batches)], rows) if batches else None


def around_table(records: list[Record]) -> str | None:
    """One setting changed at a time: held-out images, less the unchanged method with the same seed at equal views."""
    own = [record for record in records if record["stage"] == "around"]
    if not own:
        return None
    method, batch = own[0]["method"], own[0]["batch"]
    base = {
        m: by_seed(records, "validation", m, stage="compute", method=method, batch=batch) for m in ("linear", "knn")
    }
    rows = [["as it is", mean_and_deviation(base["linear"].values()), "", ""]]
    for variant in AROUND:
        found = {m: by_seed(own, "validation", m, variant=variant) for m in ("linear", "knn")}
        if not found["linear"]:
            continue
        cells = [mean_and_deviation(found["linear"].values())]
        for measure in ("linear", "knn"):
            shared = set(found[measure]) & set(base[measure])
            cells.append(shown(paired_difference(found[measure], base[measure])) if shared else "")
        rows.append([variant, *cells])
    return markdown([f"{method}, batch {batch}", "linear, held-out", "change", "change, 20-NN"], rows)


def tuned_table(records: list[Record]) -> str | None:
    """What the trials chose: temperature, learning rate at batch 64, colour strength."""
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
    return markdown(["τ / learning rate at batch 64 / colour", *(f"batch {b}" for b in batches)], rows)


def memory_table(records: list[Record]) -> str | None:
    """Peak resident memory of a training process, MiB."""
    batches, rows = batches_of(records, "compute"), []
    for method in METHODS:
        cells = []
        for batch in batches:
            found = [
                r["peak_mib"]
                for r in records
                if r["stage"] == "compute" and r["method"] == method and r["batch"] == batch
            ]
            cells.append(f"{max(found):.0f}" if found else "–")
        rows.append([method, *cells])
    return markdown(["peak memory, MiB", *(f"batch {b}" for b in batches)], rows) if batches else None


def report(records: list[Record]) -> str:
    """All tables that the results allow, as Markdown."""
    second = [record | {"stage": "compute"} for record in records if record["stage"] == "second"]
    study = records[0]["study"]
    parts = [
        f"{len(records)} runs on `{study['dataset']}`: {study['views']:,} encoder views in a final run, "
        f"{study['trials']} trials of {study['tune_views']:,} views for every method and batch size; every run with "
        f"`{' '.join(study['common'])}`; {records[-1]['machine']}."
    ]
    for stage, title in STAGE_TITLES.items():
        if batches_of(records, stage):
            parts += [f"### At {title}", accuracy_table(records, stage), headline_table(records, stage) or ""]
    sections = {
        "### Views needed": speed_table(records),
        "### Around the better AAG": around_table(records),
        "### A second data set, nothing tuned on it": accuracy_table(second, "compute") if second else None,
        "### Tuned settings": tuned_table(records),
        "### Memory": memory_table(records),
    }
    for title, content in sections.items():
        if content:
            parts += [title, content]
    return "\n\n".join(part for part in parts if part)


def replace_between(text: str, content: str) -> str:
    """The text with `content` between the markers, which are added at its end where they are missing."""
    if BEGIN not in text:
        return f"{text.rstrip()}\n\n{BEGIN}\n{content}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{content}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--results", type=Path, default=HERE / "results" / "ablation.jsonl", help="what ablation.py wrote"
    )
    parser.add_argument("--write", action="store_true", help="write into --docs, and draw")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of results.md and images/")
    arguments = parser.parse_args()
    records = list(ablation_files.read(arguments.results).values())
    if not records:
        raise SystemExit(f"{arguments.results} holds no results yet; run benchmarks/ablation.py first.")
    content = report(records)
    print(content)
    if arguments.write:
        pictures = draw(records, arguments.docs / "images")
        shown_pictures = "\n\n".join(f"![{text}](images/{name})" for name, text in pictures.items())
        target = arguments.docs / "results.md"
        text = target.read_text() if target.exists() else "# Results\n"
        target.write_text(replace_between(text, f"{content}\n\n{shown_pictures}"))


if __name__ == "__main__":
    main()
