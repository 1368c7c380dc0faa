"""One person's scans, from a data set's files to rows of measure tables, maps and a page."""
