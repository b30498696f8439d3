"""``rtbeat web``: a server for a page in the browser of this machine.

Songs are decoded and tracked in processes of their own, live sound in threads; the event loop only
carries messages. Needs aiohttp (``pip install "rtbeat[web]"``), which only this folder imports.
"""
