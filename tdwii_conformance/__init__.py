"""Interoperability conformance suite for IHE-RO TDW-II and the DICOM Unified Procedure Step service."""

__version__ = "0.1.0"
