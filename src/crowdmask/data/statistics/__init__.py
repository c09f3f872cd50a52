"""What a data set is made of, as one page with pictures."""
