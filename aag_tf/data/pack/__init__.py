"""`pack:<directory>`: images that `aag-pack` wrote once, read by number in any order."""
