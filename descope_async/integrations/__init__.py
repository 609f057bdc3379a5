"""What connects a client with other libraries, each of which is an extra."""
