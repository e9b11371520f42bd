"""Formats of dates and times in the panel, in place of those that Django has for the language."""
