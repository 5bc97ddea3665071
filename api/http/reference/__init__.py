"""The reference of the API as pages that need nothing but themselves: no script, no font, no other address.

Rendered here from our own OpenAPI document. The bundles were weighed: the Swagger UI that a Python package carries
(swagger-ui-bundle 1.1) is of 2022, knows no OpenAPI 3.1, and is 1 MB of script; those for Scalar and Redoc load theirs
from elsewhere. These pages are read, searched, linked and printed with what a browser has.
"""
