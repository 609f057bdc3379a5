"""What the local Descope keeps: records, projects, signing keys, the data file.

Knows no operation: it stores and finds what the rules tell it to.
"""
