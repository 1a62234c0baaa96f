"""The benchmark of the input path: its page, what it samples, and the filter that scaling is compared with."""

import json

import numpy as np
import pytest
from benchmark_scripts import script

pytest.importorskip("psutil", reason="benchmarks need the extra bench")
measured = script("input")
lock = script("interpreter_lock")
scaling = script("scaling")


def row(size, way, cpu_ms):
    return {
        "pictures": size,
        "way": measured.NAMES[way],
        "cpu_ms": cpu_ms,
        "least_cpu_ms": cpu_ms - 0.1,
        "images_per_second": 1000,
        "python_share": None,
        "machine": "2 cores",
    }


def test_each_size_has_its_table_relative_to_tf_data(tmp_path):
    page, file = tmp_path / "page.md", tmp_path / "rows.json"
    page.write_text("before\n<!-- 8x6 -->\nold\n<!-- /8x6 -->\n<!-- 16x9 -->\n<!-- /16x9 -->\nafter\n")
    file.write_text(json.dumps([row("8x6", "source_2", 1.5), row("8x6", "tf_data", 2.0), row("16x9", "tf_data", 4.0)]))
    measured.report(page, json.loads(file.read_text()))
    assert page.read_text().splitlines() == [
        "before",
        "<!-- 8x6 -->",
        "| way | cpu ms | relative | least cpu ms | images per second | python share |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
        "| aag_tf, 2 views from the file | 1.5 | 0.75 | 1.4 | 1000 | – |",
        "| tf.data, 2 x decode_and_crop_jpeg | 2.0 | 1.00 | 1.9 | 1000 | – |",
        "<!-- /8x6 -->",
        "<!-- 16x9 -->",
        "| way | cpu ms | relative | least cpu ms | images per second | python share |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
        "| tf.data, 2 x decode_and_crop_jpeg | 4.0 | 1.00 | 3.9 | 1000 | – |",
        "<!-- /16x9 -->",
        "after",
    ]


def test_the_share_of_the_lock_counts_samples(tmp_path):
    sampler = tmp_path / "py-spy"
    counts = 'printf "main;read 30\nmain;next 12\n"'
    sampler.write_text(f"""#!/bin/sh
for each; do case "$each" in --output=*) {counts} >"${{each#--output=}}";; esac; done
""")
    sampler.chmod(0o755)
    assert lock.LockSampling(str(sampler), 2).share() == 42 / (2 * lock.SAMPLES_PER_SECOND)
    sampler.write_text("#!/bin/sh\nexit 1\n")
    assert lock.LockSampling(str(sampler), 2).share() is None


def test_area_is_nearer_to_an_ideal_filter_only_where_a_view_shrinks_much():
    little, much = scaling.measured(1.25), scaling.measured(1.75)
    assert much["mean of the area"] < 0.7 * much["bilinear"]
    assert abs(little["mean of the area"] - little["bilinear"]) < 0.1 * little["bilinear"]
    assert all(np.shape(cut) == (280, 280, 3) for cut in scaling.cuts(280))
