"""What views show, on made-up pictures with known answers: windows, what is seen, sharpness, both ways of cutting."""

import numpy as np
import pytest
from benchmark_scripts import script
from PIL import Image

source_crops = script("source_crops")
statistics = script("source_crops_statistics")
WHOLE = np.array([[0.0, 0.0, 1.0, 1.0]])


@pytest.mark.parametrize(
    ("aspect", "expected"),
    [(1.0, [0.0, 0.0, 1.0, 1.0]), (2.0, [0.0, 0.25, 1.0, 0.75]), (0.5, [0.25, 0.0, 0.75, 1.0])],
)
def test_the_whole_image_is_the_centered_square(aspect, expected):
    np.testing.assert_allclose(statistics.in_centered_square(WHOLE, aspect), [expected])


def test_a_corner_of_the_image_is_that_of_the_square():
    corner = np.array([[0.5, 0.0, 1.0, 0.5]])
    np.testing.assert_allclose(statistics.in_centered_square(corner, 2.0), [[0.5, 0.25, 1.0, 0.5]])


def test_source_pixels_are_those_of_the_picture_or_of_the_image():
    assert statistics.pixels_per_pixel(WHOLE, "source", (500, 375), 224) == pytest.approx(500 * 375 / 224**2)
    square = statistics.in_centered_square(WHOLE, 500 / 375)
    assert statistics.pixels_per_pixel(square, "image", (500, 375), 224) == pytest.approx(1.0)
    quarter = statistics.in_centered_square(np.array([[0.0, 0.0, 0.5, 0.5]]), 0.5)
    assert statistics.pixels_per_pixel(quarter, "image", (100, 200), 64) == pytest.approx(0.25)


def test_overlapping_boxes_are_seen_once():
    assert statistics.seen(np.array([[0.0, 0.0, 0.5, 1.0], [0.25, 0.0, 0.75, 1.0]])) == pytest.approx(0.75)
    assert statistics.seen(np.array([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]])) == pytest.approx(0.5)
    assert statistics.seen(WHOLE) == 1.0


def test_sharpness_of_planes_ramps_and_checks():
    plane, ramp = np.full((8, 8), 9.0), np.tile(np.arange(8.0), (8, 1))
    checks = 10.0 * (np.indices((8, 8)).sum(axis=0) % 2)  # each neighbor is 10 away, so the Laplacian is 40 or -40
    views = np.stack([plane, ramp, checks])[..., np.newaxis]
    np.testing.assert_allclose(statistics.laplacian_energy(views), [0.0, 0.0, 1600.0])
    np.testing.assert_allclose(statistics.laplacian_energy(np.repeat(views, 3, axis=-1)), [0.0, 0.0, 1600.0], atol=1e-9)


@pytest.mark.parametrize("aspect", [0.5, 4 / 3, 2.0])
def test_windows_lie_in_what_can_be_seen(aspect):
    (square,) = statistics.in_centered_square(WHOLE, aspect)
    image, source = (statistics.windows(0.2, aspect, way, 1000) for way in statistics.WAYS)
    assert (image[:, :2] >= square[:2] - 1e-6).all()
    assert (image[:, 2:] <= square[2:] + 1e-6).all()
    assert source.min() >= -1e-6
    assert source.max() <= 1 + 1e-6
    assert statistics.seen(source) > 0.99  # parts that the square lacks too
    assert statistics.area(image).min() == pytest.approx(0.2 * statistics.area(square[np.newaxis]).item(), rel=0.02)


def test_pairs_show_the_windows_that_are_counted(tmp_path):
    """Red is a ramp from left to right and green one from top to bottom, so the mean of a view is its center."""
    width, height = 300, 200
    down, right = np.mgrid[0:height, 0:width]
    ramps = np.stack([255 * (right + 0.5) / width, 255 * (down + 0.5) / height, 0 * down], axis=-1)
    Image.fromarray(np.round(ramps).astype(np.uint8)).save(tmp_path / "ramps.png")
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(tmp_path / "black.png")
    ((images, sources),) = source_crops.opened(tmp_path, 32)
    number = int(images.numpy([0]).max() == 0)  # of the ramps
    found = source_crops.pairs(images, sources, number, 40, 32)
    for way in statistics.WAYS:
        boxes = statistics.windows(0.1, width / height, way, 40, step=number)
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        means = found[way].mean(axis=(1, 2)) / 255
        np.testing.assert_allclose(means[:, [1, 0]], centers, atol=0.01)
    np.testing.assert_allclose(
        source_crops.drawn(number, 40),
        statistics.area(statistics.windows(0.1, width / height, "image", 40, step=number)) * 1.5,
        rtol=1e-5,
    )


def test_sharpness_is_lost_by_scaling_first(tmp_path):
    """Noise: a pixel of the image is the mean of 100, one of a view of 10 to 20 % of the source of 10 to 20."""
    for name in ("a", "b"):
        noise = np.random.default_rng(ord(name)).integers(0, 256, (320, 320), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{name}.png")
    row = source_crops.sharpness(tmp_path, 32, 60)
    assert row["pictures_compared"] == 2
    assert row["laplacian_10_20"]["mean"] < 0.1
    assert row["laplacian_10_20"]["mean"] < row["laplacian_20_50"]["mean"] < row["laplacian_50_100"]["mean"] <= 1.0


def test_the_report_has_a_row_for_each_case_and_way():
    rows = [source_crops.geometry("500x375", 224, way) for way in source_crops.WAYS]
    rows[1] |= {"pictures_compared": 7, "laplacian_10_20": {"mean": 0.25, "low": 0.2, "high": 0.3}}
    lines = source_crops.report(rows).splitlines()
    assert lines[2].startswith("| 500x375 | 224 | image | 100 % | 100 % | 75 % |")
    assert lines[3].startswith("| 500x375 | 224 | source | ")
    assert lines[-2:] == ["| ---: | ---: | ---: | ---: |", "| 500x375 | 224 | 7 | 0.25 [0.20, 0.30] |"]
