"""Whether a JACK server is still alive, for ports of RtMidi, which is never told.

A client of its own without ports, by ctypes: JACK calls it when the server goes. (Lists of ports
are no help: they come from memory shared with the server and outlive it.)
"""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

NO_START_SERVER = 1  # JackNoStartServer of jack/types.h


class JackWatch:
    """Notices the end of the server. Where the library is missing it never does.

    Thread: that which made it. Realtime-safe: no.
    """

    def __init__(self, client: str) -> None:
        self._gone = False
        self._library: Any = None
        name = ctypes.util.find_library("jack")
        if name is None:
            return
        self._library = library = ctypes.CDLL(name)
        library.jack_client_open.restype = ctypes.c_void_p
        # kept here, as JACK keeps no reference
        self._callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._leave)
        handle = library.jack_client_open(client.encode(), NO_START_SERVER, None)
        self._handle = ctypes.c_void_p(handle)
        if handle is None:
            self._gone = True
            return
        library.jack_on_shutdown(self._handle, self._callback, None)

    def _leave(self, argument: Any) -> None:
        self._gone = True

    @property
    def gone(self) -> bool:
        """Whether the server has ended."""
        return self._gone

    def close(self) -> None:
        """Leave the server, which must still be there."""
        if self._library is not None and not self._gone:
            self._library.jack_client_close(self._handle)
