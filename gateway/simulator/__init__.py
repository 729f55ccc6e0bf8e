"""Banks that speak the dialects over TLS, for the demo and the tests, with faults on demand.

The rule: a simulated bank reads a standard for itself. It shares no code with the adapters, the mappings or the
engine, so that a mistake in one reading shows in the other. A bank is data (`banks.yaml`) and rows that grow from it;
it checks what it receives, and refuses as a bank would, in its dialect's own words.

    server ──▶ bank ──▶ dialect (uk_openbanking, berlin_group, stet) ──▶ documents of ledger rows, in the bank's quirks
       │         └──▶ admission: certificate, token, consent, budget; three kinds of signatures, on seals
       ├──▶ faults and journal, read and set through the admin listener
       └──▶ configuration: the checked data file
"""
