"""Parts of the experiment on channels that are no numbers."""
