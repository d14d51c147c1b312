"""Does an image show its composition? Asked of a vision-language model and of people."""
