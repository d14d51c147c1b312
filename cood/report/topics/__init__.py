"""Tables, figures and sentences of one page each."""
