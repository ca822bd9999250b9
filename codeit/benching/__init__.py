"""`codeit bench`: how fast the parts of the package work, on a user's own programs and tasks."""
