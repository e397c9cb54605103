"""What production tells about itself: which samples a person should look at, within a budget."""
