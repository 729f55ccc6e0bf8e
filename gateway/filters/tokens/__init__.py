"""Access tokens as strictly as they must be read: what PyJWT lets through is refused here before it is asked.

PyJWT verifies signatures and reads keys; the compact form, JSON, header and claims are judged by this package.
"""
