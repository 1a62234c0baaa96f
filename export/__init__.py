"""Encoder to SavedModel: signatures, writing and verifying."""
