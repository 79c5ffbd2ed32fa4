"""What is decided about a lead: pure functions of facts, policy and stream time."""
