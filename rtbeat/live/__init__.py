"""The live room: everything that has a thread, a clock, a device or a process.

The rest of the package is pure and never imports this. Which thread does what, and what may cross
from one to another, is told in ``docs/realtime.md``.
"""
