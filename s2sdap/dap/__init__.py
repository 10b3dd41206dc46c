"""Floor 4: the debug adapter. It speaks the protocol and moves a session of floor 3.

Bytes come through a `channel`, a `connection` turns them into requests, `handlers` answer them on
the state of an `adapter`. The protocol has a thread with an asyncio loop of its own; the model's
forward passes run on the `model_thread`, so that a request never waits for one. Nothing here
imports torch before a launch has named a model.
"""
