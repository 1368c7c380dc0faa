"""First level: one person's runs, from events and masked data to effects, their errors and percent signal change."""
