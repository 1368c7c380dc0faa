"""Maps of a group: people's effect maps in, maps, clusters, records and figures out."""
