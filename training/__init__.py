"""Training of rtbeat's models: render, cache features, train, export, evaluate.

Imports rtbeat, never the reverse. Needs the extra ``train`` (``pip install "rtbeat[train]"``).
"""
