"""The objects and messages of a treatment: plans, instructions, records, workitems, a course from a real plan."""
