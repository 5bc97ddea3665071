"""What the Zooniverse's Panoptes writes and reads: workflows as JSON, exports as CSV, to and from values of ours.

`workflow` makes a cascade of a Panoptes workflow; `classifications` and `subjects` read its exports, `matching` says
which of our workflows an answer belongs to; `writing` writes exports in its shape. Nothing here knows a database or the
network.
"""
