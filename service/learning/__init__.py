"""What the classifier learns from: past articles, an imported archive, the staff's decisions."""
