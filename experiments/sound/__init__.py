"""Sound: decoded beforehand, started for the predicted flip, told how it went."""
