"""Two networks that write a string of digits backwards, one without attention and one with it."""
