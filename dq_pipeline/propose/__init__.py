"""What a process file for a table could look like: its layout, its sensors, the text with what is left to fill in."""
