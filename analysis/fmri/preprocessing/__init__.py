"""From raw volumes to aligned ones: head motion, and one interpolation through all transforms."""
