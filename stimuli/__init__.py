"""What is shown: pair manifest, provenance, low-level features, matching, preparation, contact sheet."""
