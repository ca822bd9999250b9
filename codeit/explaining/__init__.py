"""Programs for the eye: what each line of a run comes to, where it fails, what a name means."""
