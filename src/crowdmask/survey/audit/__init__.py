"""Audits: a person labels some photos, and the survey uses these labels instead of the shipped rates."""
