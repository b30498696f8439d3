"""Many songs: finding them, doing them in processes or on a Dask cluster, and going on later."""
