"""Side-by-side timings: ours beside the tools people use today, as ratios measured in one run."""
