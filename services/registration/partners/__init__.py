"""What goes between instances: signed packages, and what they do (docs/relay-protocol.md)."""
