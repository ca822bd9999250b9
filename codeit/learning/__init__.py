"""What the policy learns from, and how it is trained."""
