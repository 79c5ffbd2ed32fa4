"""The read model in Redis: its keys, what stands under them, and how both are encoded.

`workers.projection` writes it, `workers.report` and `workers.doctor` read it; they meet here only.
"""
