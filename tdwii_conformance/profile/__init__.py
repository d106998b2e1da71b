"""What must hold: the requirement catalogue and the attribute tables, kept as data, and their loader."""

from .catalogue import AttributeRule, Catalogue, CatalogueError, Requirement, load_catalogue

__all__ = ["AttributeRule", "Catalogue", "CatalogueError", "Requirement", "load_catalogue"]
