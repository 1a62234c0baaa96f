"""Names that other packages use for settings of this one, for `did you mean`; names of earlier versions are aliases."""

from collections.abc import Collection

# Name elsewhere: names here, the likeliest first. Each command suggests those that it has.
SYNONYMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("batch_size", "batch", "bs", "train_batch_size"), ("global_batch_size", "embed_batch_size")),
    **dict.fromkeys(("lr", "base_lr", "learn_rate"), ("learning_rate",)),
    **dict.fromkeys(("epoch", "num_epochs", "max_epochs"), ("epochs",)),
    **dict.fromkeys(("steps", "max_steps", "num_steps", "iterations"), ("train_steps",)),
    **dict.fromkeys(("temp", "tau", "t"), ("temperature",)),
    **dict.fromkeys(
        ("model", "model_name", "backbone", "arch", "architecture", "network"),
        ("encoder", "saved_model", "keras_model", "run_dir"),
    ),
    **dict.fromkeys(
        ("weights", "pretrained", "ckpt", "checkpoint_path"),
        ("saved_model", "keras_model", "init_from", "checkpoint", "resume"),
    ),
    **dict.fromkeys(
        ("data", "data_path", "data_root", "train_dir", "images", "input", "folder", "path"),
        ("dataset", "input", "embeddings", "run_dir"),
    ),
    **dict.fromkeys(
        ("out", "output", "out_dir", "output_dir", "save_dir", "dest"),
        ("out", "output", "export_dir", "gallery", "run_dir"),
    ),
    **dict.fromkeys(("logdir", "log_dir", "name", "exp_name", "run"), ("run_dir",)),
    **dict.fromkeys(("gpus", "gpu", "num_gpus", "devices", "n_gpus"), ("replicas",)),
    **dict.fromkeys(("workers", "num_workers", "threads", "num_threads"), ("read_threads", "cpu_replicas")),
    **dict.fromkeys(("size", "img_size", "imgsz", "resolution", "input_size"), ("image_size",)),
    **dict.fromkeys(("resize", "max_side", "shorter_side", "short_side"), ("side", "image_size")),
    **dict.fromkeys(("wd", "decay"), ("weight_decay",)),
    **dict.fromkeys(("amp", "fp16", "bf16", "mixed_precision", "dtype"), ("precision", "weights")),
    **dict.fromkeys(("accum", "grad_accum", "gradient_accumulation_steps", "accumulate"), ("accumulation_steps",)),
    **dict.fromkeys(("opt", "optim"), ("optimizer",)),
    **dict.fromkeys(("warmup", "warmup_epochs", "warmup_steps"), ("warmup_fraction",)),
    **dict.fromkeys(("ema",), ("ema_momentum",)),
    **dict.fromkeys(("aug", "augmentation", "transform", "policy"), ("aux",)),
    **dict.fromkeys(("views", "num_views", "n_views", "local_crops_number"), ("aux_views",)),
    **dict.fromkeys(("crop_size", "local_crop_size", "local_crops_size", "view_size"), ("aux_size", "image_size")),
    **dict.fromkeys(("val_split", "validation_split", "val_fraction"), ("validation_fraction",)),
    **dict.fromkeys(("val", "val_dataset", "eval_dataset"), ("monitor_dataset",)),
    **dict.fromkeys(("force", "replace"), ("overwrite",)),
    **dict.fromkeys(("init", "init_weights", "pretrained_weights", "load_weights", "finetune_from"), ("init_from",)),
    **dict.fromkeys(("freeze", "freeze_layers", "frozen_stages"), ("freeze_until",)),
    **dict.fromkeys(("llrd", "layer_lr_decay", "layerwise_decay"), ("layer_decay",)),
    **dict.fromkeys(("continue", "restart", "resume_from"), ("resume",)),
    **dict.fromkeys(("save_every", "save_freq"), ("checkpoint_every_steps",)),
    **dict.fromkeys(("log_every", "log_freq"), ("log_every_steps",)),
    **dict.fromkeys(("random_seed", "random_state"), ("seed",)),
    **dict.fromkeys(("k", "n", "num_results"), ("top_k", "knn_k", "images")),
}


def meant_by(wrong: str, names: Collection[str]) -> list[str]:
    """Returns the flags among `names` that a name of another package stands for, the likeliest first."""
    return [name for name in SYNONYMS.get(wrong.replace("-", "_").lower(), ()) if name in names]
