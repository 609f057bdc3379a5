"""Access keys as a file describes them: what would have to change, and the change."""
