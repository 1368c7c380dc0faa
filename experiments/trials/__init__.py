"""Who sees what, when: trial lists from plan, clips, participant and seed. Pure; nothing here knows a screen."""
