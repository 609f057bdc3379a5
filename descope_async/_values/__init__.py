"""What values are made of: secrets that do not show themselves, JSON with one meaning, dicts of values.

Knows no request and no token: whatever holds a value stands on it.
"""
