"""Where VS Code tells of folders that are not trusted, and what an extension says of itself."""


def trust(code):
    """The page about trust in this folder."""
    code.command("Workspaces: Manage Workspace Trust")
    return code.page.locator(".workspace-trust-editor")


def page_of_the_unsupported(code):
    """The page of our extension, out of the list of those that rest in a folder that is not trusted.

    The page about trust links to that list, but a newer VS Code lays that page over it.
    """
    code.command("Show Extensions Unsupported By Workspace")
    rows = code.page.locator(".extensions-viewlet .monaco-list-row")
    rows.filter(has_text="s2sdap").first.click()
    return code.page.locator(".extension-editor")
