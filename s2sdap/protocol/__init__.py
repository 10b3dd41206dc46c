"""The protocol's own words: message types and framing, shared by the adapter and the client.

A room beside the floors: it imports only the vocabulary, and the core does not import it. Types are
msgspec structs of the Debug Adapter Protocol that are in use, checked against its JSON schema in
the tests; `custom` holds the requests and events of our own.
"""
