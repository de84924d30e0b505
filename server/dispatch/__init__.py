"""Pure decisions: no I/O, no clock of its own. The simulator and the server both decide here."""
