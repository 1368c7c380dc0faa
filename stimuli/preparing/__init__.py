"""One identical preparation for every arm: frame rate, size, duration, color, loudness, encoder; and the controls."""
