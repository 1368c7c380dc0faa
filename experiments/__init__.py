"""How it is shown: paradigms, presenter, devices, sessions, the expert panel. Built later."""
