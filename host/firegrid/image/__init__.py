"""What is written to a board: where everything lies in its flash, and the bytes that lie there."""
