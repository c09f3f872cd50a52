"""Masks and other objects drawn on bare faces, with the resulting label of the face."""
