"""Masks and other things drawn onto bare faces, with the label that the face then has."""
