"""A test session with a system that calls us: test partners, steps, deadlines, what is displayed, triggers."""
