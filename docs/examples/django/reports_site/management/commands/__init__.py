"""The commands of this site."""
