"""What an alert may set off, one file per action."""
