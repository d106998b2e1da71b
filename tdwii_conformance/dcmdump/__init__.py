"""dcmdump text, as DCMTK's ``dcmdump`` prints and ``dump2dcm`` reads it, from and to data sets. Pure."""

from .write import dump, dump_encoded

__all__ = ["dump", "dump_encoded"]
