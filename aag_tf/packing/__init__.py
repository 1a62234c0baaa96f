"""Packing: any data set, written once to files that are read by number in any order."""
