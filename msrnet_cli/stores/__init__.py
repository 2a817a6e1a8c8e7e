"""Objects in stores such as Amazon S3: addresses, and requests through obstore.

No error of a store is more than an `OSError` to those who ask, and no text that comes
from here holds a secret.
"""
