"""Speeds of auxiliary views relative to training without."""

from benchmark_scripts import load

aux_size = load("aux_size")
