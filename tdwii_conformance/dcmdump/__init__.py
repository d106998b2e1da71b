"""dcmdump text, as DCMTK's ``dcmdump`` prints and ``dump2dcm`` reads it, of data sets and whole exchanges.

Pure, but for `files` and for what ``=filename`` values name.
"""

from .exchanges import dump_exchange
from .files import load_text, save_dicom
from .read import DumpError, parse
from .templates import Placeholder, Template, fill, template, templates
from .write import dump, dump_encoded, dump_text

__all__ = [
    "DumpError", "Placeholder", "Template", "dump", "dump_encoded", "dump_exchange", "dump_text", "fill", "load_text", "parse",
    "save_dicom", "template", "templates",
]  # fmt: skip
