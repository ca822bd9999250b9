"""Where an iteration's time goes, beside what the machine could do."""
