"""What all parts of the evaluation share."""
