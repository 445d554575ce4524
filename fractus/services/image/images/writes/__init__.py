"""How what is beside an image itself is written: tasks, and copies in stores."""
