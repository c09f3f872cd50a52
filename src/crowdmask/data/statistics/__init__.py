"""The composition of a data set, as one page with pictures."""
