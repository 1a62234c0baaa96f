"""Every setting of the model reaches it: settings are read back from the model that is built."""

import math

import pytest

from aag_tf.augment.keras_cv_branch import KerasCVMainBranch
from aag_tf.config import DataConfig, LossConfig, RunConfig, StartConfig, TrainConfig, from_flat, leaves, to_flat
from aag_tf.losses import LearnedTemperature
from aag_tf.training.model_building import build_model

# Settings that read images and write files, or say how long, where and in which precision the model is trained.
NOT_OF_THE_MODEL = {
    *leaves(DataConfig),
    *leaves(RunConfig),
    *leaves(StartConfig),  # tests/training/test_start.py
    "input_range",  # tests/encoders/test_imagenet.py
    *("lr_schedule", "warmup_steps", "decay_fraction"),  # tests/training/test_extending.py
    *("epochs", "train_steps", "replicas", "cpu_replicas", "precision", "augment_on", "crop_from", "local_shards"),
}
OF_THE_RATE = {"learning_rate", "lr_scaling", "warmup_fraction", "global_batch_size"}
OF_BOTH_BRANCHES = ("crop_min_area", "color_strength", "grayscale_probability", "flip", "blur_probability")

OTHER = {  # each of them differs from the default
    "aux": "cutout",
    "aux_views": 2,
    "aux_size": 48,
    "aux_strength": 0.75,
    "crop_min_area": 0.3,
    "color_strength": 0.25,
    "grayscale_probability": 0.1,
    "flip": False,
    "blur_probability": 0.4,
    "augment_impl": "keras_cv",
    "encoder": "resnet18",
    "width": 0.125,
    "stem": "imagenet",
    "embedding_grid": 2,
    "projector_depth": 3,
    "projector_width": 16,
    "projector_dim": 8,
    "projector_batch_norm": False,
    "temperature": 0.3,
    "learn_temperature": True,
    "temperature_minimum": 0.1,
    "coupling": 0.5,
    "aux_weight": 0.7,
    "aux_negatives": False,
    "positives": "out",
    "rince_q": 0.5,
    "rince_lambda": 0.1,
    "normalization_gradient": "unscaled",
    "loss_form": "streaming",
    "optimizer": "lars",
    "learning_rate": 0.5,
    "lr_scaling": "linear",
    "warmup_fraction": 0.2,
    "weight_decay": 1e-3,
    "momentum": 0.8,
    "ema_momentum": 0.99,
    "global_batch_size": 128,
    "seed": 7,
    "jit_compile": "on",
    "steps_per_execution": 3,
    "accumulation_steps": 2,
}
# Settings that hide another one, exclude one, or whose default a forgotten one would fall back to.
AGAIN = {
    "coupling": 0.0,
    "positives": "pairs",
    "rince_q": 0.0,
    "dclw_sigma": 0.25,
    "augment_impl": "fused",
    "learn_temperature": False,
    "temperature_minimum": LossConfig.temperature_minimum,
    "jit_compile": "off",
}
TOTAL_STEPS = 50


@pytest.fixture(scope="module", params=[OTHER, OTHER | AGAIN], ids=["other", "again"])
def built(request):
    """Settings, and the model that is built from them."""
    # On the host, since keras-cv cannot draw the views of micro-batches twice.
    config = from_flat(TrainConfig, request.param | {"augment_on": "host"})
    return config, build_model(config, (64, 64, 3), total_steps=TOTAL_STEPS)


def common(parts, name):
    (value,) = {getattr(part, name) for part in parts}
    return value


def read_back(model):
    """`{flag name: value}` of what was built."""
    stem = model.encoder.get_layer("stem")
    hidden = [layer for layer in model.projector.layers if layer.name.endswith("_relu")]
    loss, optimizer = model.contrastive_loss, model.optimizer.get_config()
    learned = isinstance(loss.temperature, LearnedTemperature)
    branches = (model.views.main, model.views.auxiliary)
    by_xla = (model.jit_compile, common(branches, "jit_compile"))
    (is_keras_cv,) = {isinstance(branch, KerasCVMainBranch) for branch in branches}
    return {
        "aux": model.views.auxiliary.preset,
        "aux_views": model.views.aux_views,
        "aux_size": min(model.views.auxiliary.size),
        "aux_strength": model.views.auxiliary.strength,
        **{name: common(branches, name) for name in OF_BOTH_BRANCHES},
        "augment_impl": "keras_cv" if is_keras_cv else "fused",
        "encoder": model.encoder.name,
        "width": stem.filters / 64,
        "stem": "imagenet" if stem.kernel_size == (7, 7) else "small",
        "embedding_grid": math.isqrt(model.encoder.output_shape[-1] // (8 * stem.filters)),
        "projector_depth": len(hidden) + 1,
        "projector_width": hidden[0].output.shape[-1],
        "projector_dim": model.projector.output_shape[-1],
        "projector_batch_norm": any(layer.name.endswith("_norm") for layer in model.projector.layers),
        "temperature": loss.temperature.initial if learned else loss.temperature,
        "learn_temperature": learned,
        "temperature_minimum": loss.temperature.minimum if learned else LossConfig.temperature_minimum,
        "coupling": loss.coupling,
        "aux_weight": loss.aux_weight,
        "aux_negatives": loss.aux_negatives,
        "positives": loss.positives,
        "dclw_sigma": loss.dclw_sigma,
        "rince_q": loss.rince_q,
        "rince_lambda": loss.rince_lambda,
        "normalization_gradient": loss.normalization_gradient,
        "loss_form": loss.form,
        "optimizer": type(model.optimizer).__name__.lower(),
        "weight_decay": optimizer["weight_decay"],
        "momentum": optimizer["momentum"],
        "ema_momentum": model.average.momentum,
        "seed": model.seed,
        "jit_compile": {(True, True): "on", (False, True): "auto", (False, False): "off"}[by_xla],
        "steps_per_execution": model.steps_per_execution,
        "accumulation_steps": model.accumulation_steps,
    }


def test_every_setting_of_the_model_reaches_it(built):
    config, model = built
    elsewhere = NOT_OF_THE_MODEL | OF_THE_RATE
    assert read_back(model) == {name: value for name, value in to_flat(config).items() if name not in elsewhere}


def test_the_learning_rate_rises_to_the_one_set_times_the_batch_over_256(built):
    _, model = built
    rates = {5: 0.125, 10: 0.25, 30: 0.125, TOTAL_STEPS: 0.0}  # a fifth of the steps up, a cosine down
    for step, rate in rates.items():
        model.optimizer.iterations.assign(step)
        assert float(model.optimizer.learning_rate) == pytest.approx(rate, abs=1e-6), step


def test_no_setting_could_be_forgotten_unnoticed():
    defaults = to_flat(TrainConfig())
    assert set(OTHER | AGAIN) == set(defaults) - NOT_OF_THE_MODEL
    assert not [name for name, value in (AGAIN | OTHER).items() if value == defaults[name]]
