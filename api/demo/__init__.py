"""The demonstration campaign over real sky.

The Hubble picture and its cutouts, the cascade in Galaxy Zoo's questions, and what the developers saw in the cutouts by
eye. Nothing of the service may depend on this package, except the commands that start the demonstration.
"""
