"""Dead letters: what could not be used, with why, to look at and to send again."""
