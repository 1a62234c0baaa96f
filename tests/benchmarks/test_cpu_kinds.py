"""The benchmark of CPU kinds: what is compared with what, and the arithmetic of its rows."""

from benchmark_scripts import script

cpu_kinds = script("cpu_kinds")


def rows(bfloat16):
    return [(one.name, one.precision) for one in cpu_kinds.peers(bfloat16=bfloat16)]


def test_each_kind_has_this_project_first_and_peers_in_both_precisions_where_they_pay():
    assert rows(True)[:2] == [("aag_tf", "auto"), ("aag_tf", "float32")]
    assert {("plain Keras", "bfloat16"), ("PyTorch", "bfloat16"), ("PyTorch, compiled", "bfloat16")} < set(rows(True))
    assert rows(False)[:2] == [("aag_tf", "auto"), ("aag_tf, as TensorFlow comes", "float32")]
    before = [one for one in cpu_kinds.peers(bfloat16=False) if one.name == "aag_tf, as TensorFlow comes"]
    assert [one.environment for one in before] == [cpu_kinds.AS_IT_COMES] * 2
    assert not any(one.environment for one in cpu_kinds.peers(bfloat16=True))  # TensorFlow has oneDNN on there


def test_a_row_has_medians_and_the_ratio_of_turns():
    def turn(speed):
        return {"images_per_second": speed, "cpu_ms": 2 * speed, "page_faults": 5.0}

    row = cpu_kinds.medians([turn(30.0), turn(20.0), turn(10.0)], [turn(10.0), turn(20.0), turn(20.0)])
    assert row == {
        "images_per_second": 20.0,
        "cpu_ms": 40.0,
        "page_faults": 5.0,
        "range": [10.0, 30.0],
        "ratio": 1.0,
    }
    shown = row | {"kind": "AVX2 only", "encoder": "tiny", "variant": "PyTorch", "precision": "float32"}
    assert cpu_kinds.results_table([shown]).splitlines()[2] == (
        "| AVX2 only | tiny | PyTorch | float32 | 20.0 | 10.0 to 30.0 | 1.00 | 40 | 5 |"
    )
