"""Quality: what a sample has alone, in five dimensions and one score."""
