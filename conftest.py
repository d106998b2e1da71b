"""For all tests of the checkout: the profiles of Hypothesis, as the suite has them."""

from tdwii_conformance.plugin import hypothesis_profiles

hypothesis_profiles.register()
