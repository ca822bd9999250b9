"""Tasks: what they are, where they come from, how they look, and when one counts as solved."""
