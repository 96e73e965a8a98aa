"""The parts of scripts/release. None of them is part of a release."""
