"""fMRI: from a scanner run to group contrasts."""
