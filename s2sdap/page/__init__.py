"""Floor 4: the browser page, which the server hands out beside its websocket.

Its source lies in `vscode-extension/panels/`, since VS Code's webviews show the same panels; here is
what was built of it, and how a browser is to treat it.
"""
