"""Servers for an exported encoder: TensorFlow Serving's configuration, and a KServe server."""
