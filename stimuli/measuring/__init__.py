"""One clip measured in one pass, many clips side by side, and the files in which it ends."""
