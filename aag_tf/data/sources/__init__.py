"""The kinds of data sets that `--dataset` names, each a module."""
