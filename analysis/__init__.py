"""What came back: measure tables in, a computed verdict and its report out."""
