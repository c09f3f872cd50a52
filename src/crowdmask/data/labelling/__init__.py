"""Faces proposed by a detector and corrected by people in Label Studio or CVAT."""
