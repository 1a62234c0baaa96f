"""What every room uses: errors, files and paths, text, seeds, progress, versions."""
