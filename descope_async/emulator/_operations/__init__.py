"""What the local Descope answers to each operation.

These modules know no HTTP: they get the fields of a call, and return JSON values.
"""
