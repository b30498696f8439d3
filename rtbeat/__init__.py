"""rtbeat: a real-time beat tracker that announces beats before they sound."""

from rtbeat.audio import AudioFileError
from rtbeat.beat import Beat, Beats
from rtbeat.offline import track
from rtbeat.tracker import BeatTracker, State

__version__ = "0.1.0"

__all__ = ["AudioFileError", "Beat", "BeatTracker", "Beats", "State", "__version__", "track"]
