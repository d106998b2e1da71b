"""What the witness finds: each defect and variation of the embedded partners, recorded at work and judged from the record."""
