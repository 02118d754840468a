"""What one training or inference step of a task is."""
