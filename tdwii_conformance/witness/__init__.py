"""The witness: systems that talk to each other, recorded by a proxy or captured, and judged without driving them."""
