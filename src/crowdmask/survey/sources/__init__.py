"""The sources of a survey: files of records, photos and videos, converted to sightings."""
