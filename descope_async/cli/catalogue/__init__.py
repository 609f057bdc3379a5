"""What every command of ``descope-keys`` is called, and what ``--help`` says about it."""
