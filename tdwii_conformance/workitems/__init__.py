"""Where the workitems of a run come from, and how few will do."""
