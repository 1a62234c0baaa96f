"""Image files: whatever format they have, one page becomes one uint8 image."""
