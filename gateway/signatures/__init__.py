"""Signatures of messages: the keys they are made with, and each profile's way from a message to the bytes signed.

A signature is made over the bytes that leave and verified over the bytes that arrived, before anything is parsed. The
algorithm is the key's: what a message says of it is compared, never obeyed. Nothing here does I/O after files are
loaded, and no refusal holds anything of the message.
"""
