"""Values go to the UPS model as a peer might send them: pydicom does not check them on the way."""

import pytest
from pydicom import config


@pytest.fixture(autouse=True)
def values_are_taken_as_they_are():
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    yield
    config.settings.reading_validation_mode = before
