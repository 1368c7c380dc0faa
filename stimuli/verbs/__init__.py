"""What the commands do with a whole set: one file for each verb, from saved files to saved files."""
