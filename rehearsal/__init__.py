"""Synthetic counties and simulated actors: nothing here knows a real person."""
