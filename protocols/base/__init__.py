"""The ground: errors, files, tables, hashes, BIDS names, steps, seeds, progress. Written once, here."""
