"""What belongs to a laboratory and not to a study: its screen, ports, keys and limits."""
