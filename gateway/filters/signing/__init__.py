"""What the filter `signature` stands on: whose keys may sign a call, and how an answer is bound to the call it answers.

The profile is FAPI 2.0 HTTP Signatures (a draft of the OpenID Foundation) over RFC 9421 and RFC 9530.
"""
