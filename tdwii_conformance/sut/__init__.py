"""The system under test: its description, the address book, the embedded one."""
