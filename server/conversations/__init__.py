"""What customers write: answered by rule, or handed over to people and passed on between them."""
