"""Whether images show their compositions: answers of a verifier and of human raters."""
