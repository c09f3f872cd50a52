"""Detect faces in many photos: sources in, results or failures out, written by any number of sinks."""
