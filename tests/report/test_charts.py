"""Ticks, line charts, training curves and the dot plot: the numbers that are drawn, and the words beside them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aag_tf.report import chart
from aag_tf.report.chart import MOST_POINTS, line_chart
from aag_tf.report.curves import training_charts
from aag_tf.report.ticks import round_ticks, short
from aag_tf.runs.metrics import read_metrics


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 50, 100]),
        (0, 1, [0, 0.5, 1]),
        (50, 35_000, [10_000, 20_000, 30_000]),
        (-0.3, 5.1, [0, 2, 4]),
        (0.00009, 0.002, [0.0005, 0.001, 0.0015, 0.002]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    np.testing.assert_allclose(round_ticks(low, high), expected)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_lie_inside_and_are_few(low, width):
    high = low + width
    if (high - low) < 1e-9 * abs(low):
        return
    ticks = round_ticks(low, high)
    assert 1 <= len(ticks) <= 5
    assert all(low - 1e-6 * width <= tick <= high + 1e-6 * width for tick in ticks)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (12_345_678.0, "12.35 M"), (-20_000.0, "-20 k"), (1234.5, "1234"), (3e-5, "3e-05")]
)
def test_numbers_are_written_short(value, text):
    assert short(value) == text


def points_of(path):
    return np.array([pair.split(",") for pair in path.removeprefix("M").split()], float)


def test_a_chart_has_its_values_where_they_belong():
    drawn = line_chart("Loss", {"loss": np.array([[0, 50, 100], [1.0, 3.0, 2.0]])}, x_name="steps")
    (x0, y0), (x1, y1), (x2, y2) = points_of(drawn.lines[0].path)
    assert (x0, x2) == (chart.LEFT, chart.WIDTH - chart.RIGHT)
    assert x1 == (x0 + x2) / 2
    assert y1 < y2 < y0  # down is larger in SVG
    assert y2 == pytest.approx((y0 + y1) / 2, abs=0.11)
    assert drawn.lines[0].words == "loss: 1 at first, 2 at last, lowest 1, highest 3"
    assert (drawn.x_name, drawn.x_range) == ("steps", ("0", "100"))
    ticks = dict((text, y) for y, text in drawn.y_ticks)
    assert ticks["1"] == pytest.approx(y0, abs=0.1)


def test_percent_gaps_and_long_lines():
    steps = np.arange(10_000.0)
    values = np.where(steps % 2 == 0, 0.25, np.nan)
    drawn = line_chart("Accuracy", {"kNN": np.stack([steps, values])}, x_name="steps", percent=True)
    assert len(points_of(drawn.lines[0].path)) == MOST_POINTS
    assert "lowest 25\u00a0%" in drawn.lines[0].words
    assert line_chart("Nothing", {"kNN": np.array([[1.0], [1.0]])}, x_name="steps") is None
    assert line_chart("NaN", {"kNN": np.full((2, 9), np.nan)}, x_name="steps") is None


def test_metrics_are_read_as_far_as_they_are_whole(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [
        '{"step": 1, "loss": 2.0, "note": "text"}',
        '{"step": 2, "loss": NaN}',
        "[1]",
        '{"loss": 3}',
        '{"step": 3, "l',
    ]
    path.write_text("\n".join(lines))
    records = read_metrics(path)
    assert records[0] == {"step": 1.0, "loss": 2.0}
    assert [record["step"] for record in records] == [1, 2]
    assert read_metrics(tmp_path / "absent.jsonl") == []


def test_one_run_shares_charts_and_several_share_figures():
    records = [{"step": step, "loss": 1 / step, "knn_accuracy": 0.5, "linear_accuracy": 0.6} for step in (1, 2, 3)]
    alone = training_charts({"a": records})
    assert [drawn.title for drawn in alone] == ["Loss", "Accuracy on held-out images"]
    assert [line.name for line in alone[1].lines] == ["kNN", "linear probe"]
    beside = training_charts({"a": records, "b": records, "without metrics": []})
    assert [drawn.title for drawn in beside] == [
        "Loss",
        "Accuracy on held-out images: kNN",
        "Accuracy on held-out images: linear probe",
    ]
    assert [line.name for line in beside[0].lines] == ["a", "b"]
    assert json.dumps([drawn.title for drawn in training_charts({"a": []})]) == "[]"
