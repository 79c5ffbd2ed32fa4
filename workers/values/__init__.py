"""What values from outside mean, for every entrance: ids, amounts and times. Pure; below imports and ingest."""
