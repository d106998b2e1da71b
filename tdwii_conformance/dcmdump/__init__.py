"""dcmdump text, as DCMTK's ``dcmdump`` prints and ``dump2dcm`` reads it, of data sets and whole exchanges. Pure."""

from .exchanges import dump_exchange
from .write import dump, dump_encoded

__all__ = ["dump", "dump_encoded", "dump_exchange"]
