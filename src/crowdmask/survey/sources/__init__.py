"""What is surveyed: files of records, photos and videos, each turned into sightings."""
