"""What a run, a search or mutants on disk have to tell: as text, as a picture, as a page."""
