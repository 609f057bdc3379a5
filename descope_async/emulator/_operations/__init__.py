"""What the local Descope answers to each operation, and why.

Knows no HTTP: a call comes in as fields and goes out as JSON values.
"""
