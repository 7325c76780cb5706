"""What the command `multigan` does. It is started by `multigan_cli`."""
