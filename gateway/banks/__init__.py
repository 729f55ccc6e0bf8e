"""The way to a bank: its file, its connections, and what stands between a call and them.

A bank is reached through one `Send`. The client is the innermost; each part around it is `Send -> Send`, and the order
is part of the meaning:

    retry ──▶ limit ──▶ circuit ──▶ signing ──▶ client ──mTLS──▶ bank

A pause between two attempts holds no place under the limit; a call that waited for its place still meets the circuit;
the circuit counts every attempt, not every call; and every attempt is signed, and its answer verified, by itself. No
part knows a bank by name: what differs stands in its file.
"""
