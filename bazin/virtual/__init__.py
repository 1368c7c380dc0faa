"""The virtual lab: people with known truths, and the tables a lab would have measured on them."""
