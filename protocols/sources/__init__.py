"""Tables that other programs left: text in any notation, workbooks, JSON lines; cells stay what they were."""
