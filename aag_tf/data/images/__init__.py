"""Sets of images that are fetched by number, in memory or from their files."""
