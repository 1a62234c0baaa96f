"""Formats of image files: one module each, an explicit table (`table`), and the first bytes by which they are told."""
