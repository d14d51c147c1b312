"""Searching the captions of training sets for the words of compositions."""
