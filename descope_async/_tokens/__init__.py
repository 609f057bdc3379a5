"""Session tokens and proofs: taken apart, their signatures checked, their claims judged.

No room here makes a request: whoever fetches signing keys is handed in.
"""
