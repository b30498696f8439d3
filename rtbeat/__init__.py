"""rtbeat: a real-time beat tracker that announces beats before they sound."""

from rtbeat.beat import Beat, Beats

__version__ = "0.1.0"

__all__ = ["Beat", "Beats", "__version__"]
