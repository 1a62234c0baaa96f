"""Pictures of the study's final runs at equal encoder views: accuracy, positive pull, memory."""

from pathlib import Path
from typing import Any

import numpy as np
from ablation_methods import AAG, METHODS, SIMCLR
from ablation_statistics import batches_of, by_seed, peak_memory
from benchmark_tools import Row as Record
from benchmark_tools import pyplot

PICTURES = {
    "ablation_views.png": "20-NN accuracy on held-out images over encoder views, each method, each batch size",
    "ablation_batch.png": "Linear probe on test over batch size, each method",
    "ablation_pull.png": "Positive pull, its deviation, and gradient norm over encoder views, AAG at κ = 0 and 1",
    "ablation_memory.png": "Peak memory of training over batch size",
}


def draw(records: list[Record], folder: Path) -> dict[str, str]:
    """Draws pictures of the final runs at equal views; returns their descriptions by file name."""
    plt = pyplot()

    own = [record for record in records if record["stage"] == "compute"]
    if not own:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    batches = batches_of(records, "compute")
    colors = {method: f"C{index}" for index, method in enumerate(METHODS)}

    figure, axes = plt.subplots(1, len(batches), figsize=(4.5 * len(batches), 4), sharey=True, squeeze=False)
    for axis, batch in zip(axes[0], batches, strict=True):
        for method in METHODS:
            curves = [r["knn_curve"] for r in own if r["method"] == method and r["batch"] == batch]
            _band(axis, [([p[0] for p in c], [100 * p[1] for p in c]) for c in curves], colors[method], method)
        axis.set(title=f"batch {batch}", xlabel="encoder views")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("20-NN on held-out images, %")
    axes[0][0].legend(fontsize=8)  # the batch size at which every method has results first
    _save(figure, folder / "ablation_views.png")

    figure, axis = plt.subplots(figsize=(6, 4))
    for method in METHODS:
        points = [(b, list(by_seed(own, "test", "linear", method=method, batch=b).values())) for b in batches]
        points = [(b, values) for b, values in points if values]
        means, spread = [np.mean(v) for _, v in points], [np.std(v, ddof=1) if len(v) > 1 else 0 for _, v in points]
        axis.errorbar([b for b, _ in points], means, spread, marker="o", capsize=3, color=colors[method], label=method)
    axis.set(ylabel="linear probe on test, %", title="at equal encoder views")
    _over_batch_sizes(axis, batches)
    _save(figure, folder / "ablation_batch.png")

    figure, axes = plt.subplots(1, 3, figsize=(13, 4))
    for axis, name in zip(axes, ("positive_pull", "positive_pull_std", "gradient_norm"), strict=True):
        for method in AAG:
            curves = [r["curves"] for r in own if r["method"] == method and r["batch"] == batches[0]]
            _band(axis, [(c["views"], c[name]) for c in curves], colors[method], method)
        axis.set(title=name.replace("_", " "), xlabel="encoder views")
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    _save(figure, folder / "ablation_pull.png")

    _draw_memory(own, batches, colors, folder / "ablation_memory.png")
    return PICTURES


def _draw_memory(own: list[Record], batches: list[int], colors: dict[str, str], path: Path) -> None:
    figure, axis = pyplot().subplots(figsize=(6, 4))
    for method in (SIMCLR, *AAG):
        peaks = {batch: peak_memory(own, method, batch) for batch in batches}
        known = {batch: peak for batch, peak in peaks.items() if peak is not None}
        axis.plot([*known], [*known.values()], "o-", color=colors[method], label=method)
    axis.set(ylabel="peak memory of training, MiB", ylim=(0, None))
    _over_batch_sizes(axis, batches)
    _save(figure, path)


def _over_batch_sizes(axis: Any, batches: list[int]) -> None:
    axis.set(xscale="log", xlabel="batch size")
    axis.set_xticks(batches, [str(batch) for batch in batches])
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)


def _band(axis: Any, curves: list[tuple[list[float], list[float]]], color: str, label: str) -> None:
    """Draws the mean of curves over seeds, and their range."""
    if not curves:
        return
    length = min(len(values) for _, values in curves)
    values = np.array([values[:length] for _, values in curves])
    axis.plot(curves[0][0][:length], values.mean(axis=0), color=color, label=label)
    axis.fill_between(curves[0][0][:length], values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, lw=0)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot().close(figure)
