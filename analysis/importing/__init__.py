"""Tables from elsewhere come in: read as text, mapped by an explicit map, every lost row accounted for."""
