"""The numbers of one page each."""
