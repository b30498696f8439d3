"""The error of audio files, below everything that reads them."""

from __future__ import annotations


class AudioFileError(Exception):
    """An audio file cannot be used; the message names the file and the reason."""
