"""The shape of one image."""

Shape = tuple[int, int, int]  # height, width, channels
