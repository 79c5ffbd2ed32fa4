"""`leadloop check-record`: what streams would do with one record, in words."""
