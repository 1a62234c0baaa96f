"""Self-supervised image encoders in Keras: auxiliary augmentation and the GNT-Xent loss (AAG)."""
