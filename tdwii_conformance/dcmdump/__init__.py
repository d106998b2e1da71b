"""dcmdump."""
