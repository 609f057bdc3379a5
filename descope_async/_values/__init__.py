"""What values are made of: secrets that do not show themselves, numbers, JSON with one meaning, dicts.

Knows no request and no token: whatever holds a value stands on it.
"""
