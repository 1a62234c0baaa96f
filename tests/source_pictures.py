"""Pictures of many shapes, and runs whose views are cut from them."""

import dataclasses

import numpy as np
from PIL import Image
from training_runs import settings

from aag_tf.config import AugmentConfig, DataConfig, ScheduleConfig

STEPS = 6


def save_pictures(root, count=24, seed=0):
    """Pictures of two classes and many shapes, some of which Python decodes."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        height, width = generator.integers(24, 80, 2)
        pixels = generator.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
        path = root / "ab"[number % 2] / f"{number:02}.{'png' if number % 5 == 0 else 'jpg'}"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(pixels).resize((int(width), int(height)), Image.Resampling.BICUBIC).save(path, quality=95)


def config(folder, run_dir, *, steps=STEPS, replicas=None, crop_from="auto", aux=AugmentConfig.aux, data=None, **run):
    """Settings of a run with batches of eight pictures."""
    schedule = ScheduleConfig(
        train_steps=steps, global_batch_size=8, jit_compile="off", precision="float32", cpu_replicas=replicas
    )
    return dataclasses.replace(
        settings(run_dir, **run),
        data=data or DataConfig(f"folder:{folder}", image_size=16),
        augment=AugmentConfig(crop_from=crop_from, aux=aux),
        schedule=schedule,
    )
