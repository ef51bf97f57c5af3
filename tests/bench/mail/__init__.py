"""What mail costs."""
