"""What pyproject.toml cannot say: folders at the top of the checkout are packages below ours in a wheel.

``tests/conformance`` becomes ``tdwii_conformance.suite``, ``dcmdump_templates`` and ``fixtures`` keep their names. The same
holds in an editable installation.
"""

from setuptools import find_packages, setup

FOLDERS = {
    "tdwii_conformance.suite": "tests/conformance",
    "tdwii_conformance.dcmdump_templates": "dcmdump_templates",
    "tdwii_conformance.fixtures": "fixtures",
}

setup(
    packages=[
        *find_packages(include=["tdwii_conformance", "tdwii_conformance.*"]),
        *FOLDERS,
        *(f"tdwii_conformance.suite.{name}" for name in find_packages("tests/conformance")),
    ],
    package_dir=FOLDERS,
)
