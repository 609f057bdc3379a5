"""Ours, a peer and the floor, side by side: `nox -s bench`; docs/benchmarks.md explains the rows."""
