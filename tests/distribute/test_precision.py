"""`--precision=auto` is bfloat16 only where every device of the run computes in it."""

import pytest
import tensorflow as tf
from simulated_cpu import AVX2, BFLOAT16, install_cpu

from aag_tf.config import ScheduleConfig
from aag_tf.distribute import precision
from aag_tf.utils.errors import ConfigError


def install_gpus(monkeypatch, *capabilities):
    details = [{} if capability is None else {"compute_capability": capability} for capability in capabilities]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(range(len(details))))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details.__getitem__)


@pytest.mark.parametrize(("flags", "expected"), [(BFLOAT16, "mixed_bfloat16"), (AVX2, "float32"), ("", "float32")])
def test_auto_on_a_cpu(monkeypatch, tmp_path, flags, expected):
    install_cpu(monkeypatch, tmp_path, flags)
    install_gpus(monkeypatch)
    assert precision.resolve_precision(ScheduleConfig()) == expected
    install_gpus(monkeypatch, (9, 0), (9, 0))
    assert precision.resolve_precision(ScheduleConfig(cpu_replicas=2)) == expected


@pytest.mark.parametrize(
    ("capabilities", "replicas", "expected"),
    [
        ([(8, 0)], None, "mixed_bfloat16"),
        ([(7, 5)], None, "float32"),
        ([(9, 0), (8, 9)], None, "mixed_bfloat16"),
        ([(9, 0), (7, 5)], None, "float32"),
        ([(9, 0), (7, 5)], 1, "mixed_bfloat16"),
        ([None], None, "float32"),
    ],
)
def test_auto_on_gpus_is_what_all_of_the_run_compute_in(monkeypatch, tmp_path, capabilities, replicas, expected):
    install_cpu(monkeypatch, tmp_path, BFLOAT16 if expected == "float32" else AVX2)  # which does not decide
    install_gpus(monkeypatch, *capabilities)
    assert precision.resolve_precision(ScheduleConfig(replicas=replicas)) == expected


@pytest.mark.parametrize("asked", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_what_is_asked_for_is_given(monkeypatch, tmp_path, asked):
    for flags in (AVX2, BFLOAT16):
        install_cpu(monkeypatch, tmp_path, flags)
        assert precision.resolve_precision(ScheduleConfig(precision=asked)) == asked


def test_bfloat16_without_hardware_warns_once_with_its_cost(monkeypatch, tmp_path, caplog):
    install_gpus(monkeypatch)
    for flags, asked in ((BFLOAT16, "mixed_bfloat16"), (AVX2, "float32"), (AVX2, "mixed_bfloat16")):
        install_cpu(monkeypatch, tmp_path, flags)
        assert caplog.messages == []
        precision.check_bfloat16(ScheduleConfig(precision=asked))
    assert caplog.messages == [
        "--precision=mixed_bfloat16 has no hardware on this CPU, where a step takes 5.8 times as long as in float32 "
        "(measured with AVX2); a new run is faster with --precision=auto"
    ]
    install_gpus(monkeypatch, (7, 0))
    precision.check_bfloat16(ScheduleConfig(precision="mixed_bfloat16"))
    assert len(caplog.messages) == 1


def test_bfloat16_that_is_hidden_from_onednn_is_refused(monkeypatch, tmp_path):
    install_gpus(monkeypatch)
    install_cpu(monkeypatch, tmp_path, BFLOAT16)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    precision.check_bfloat16(ScheduleConfig(precision="float32"))
    with pytest.raises(ConfigError, match=r"ONEDNN_MAX_CPU_ISA=AVX2; use --precision=float32, or remove that variable"):
        precision.check_bfloat16(ScheduleConfig(precision="mixed_bfloat16"))
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")  # TensorFlow's own kernels are slow, and work
    precision.check_bfloat16(ScheduleConfig(precision="mixed_bfloat16"))
