"""What a finished run leaves for others: its model, a card that says what it is, and its replay."""
