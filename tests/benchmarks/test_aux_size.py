"""Speeds with auxiliary views of several sizes beside training without any."""

from benchmark_scripts import script

aux_size = script("aux_size")


def test_rates_are_those_of_median_steps_relative_to_no_auxiliary_views():
    rows = aux_size.summary({(0, 32): [0.5, 9.0, 0.4], (4, 16): [1.0, 1.0, 0.1]}, batch=50)
    assert rows == [
        {"auxiliary": "none", "images_per_second": 100.0, "relative": 1.0},
        {"auxiliary": "4 x 16", "images_per_second": 50.0, "relative": 0.5},
    ]
