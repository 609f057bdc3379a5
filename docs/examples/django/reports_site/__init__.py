"""A site whose callers have Descope access keys."""
