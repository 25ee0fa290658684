"""What a source delivers (contracts) and how it is read (connectors)."""
