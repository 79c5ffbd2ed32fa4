"""Who reads the web page, and what they may do."""
