"""The benchmark: the same stack by liveinsight and by its rivals, against a local AWS that takes its time.

`__main__.py` reads from top to bottom as a measurement goes.
"""
