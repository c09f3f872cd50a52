"""Test whether groups, or periods, differ by more than chance."""
