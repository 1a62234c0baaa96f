"""The console scripts: each builds a config, calls one function and prints where the results are."""
