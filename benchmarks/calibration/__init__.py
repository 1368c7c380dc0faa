"""Error rates of the crossed mixed model over the whole grid of designs and truths (docs/calibration.md)."""
