"""Where VS Code tells of folders that are not trusted, and what an extension says of itself."""


def trust(code):
    """The page about trust in this folder."""
    code.command("Workspaces: Manage Workspace Trust")
    return code.page.locator(".workspace-trust-editor")


def extension_page(code):
    """The page of our extension, out of the list of extensions that is on show."""
    rows = code.page.locator(".extensions-viewlet .monaco-list-row")
    rows.filter(has_text="s2sdap").first.click()
    return code.page.locator(".extension-editor")
