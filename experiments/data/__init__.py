"""What a session left: from journals to BIDS, the timing audit, the session's page, withdrawing and merging."""
