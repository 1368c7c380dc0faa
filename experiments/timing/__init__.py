"""What a laboratory's devices do in time, measured before a study: `bazin timing-check`."""
