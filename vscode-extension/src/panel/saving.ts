// A file that a panel made, kept where the person says.

import * as vscode from "vscode";

/** `data` is base64. */
export async function save(name: string, data: string): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const target = await vscode.window.showSaveDialog({
    title: `Keep ${name}`,
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, name) }),
  });
  if (target === undefined) return;
  try {
    await vscode.workspace.fs.writeFile(target, Buffer.from(data, "base64"));
  } catch (error) {
    void vscode.window.showErrorMessage(`s2sdap: ${name} could not be kept: ${(error as Error).message}`);
    return;
  }
  const open = "Open it";
  const said = `${vscode.workspace.asRelativePath(target)} is kept.`;
  if ((await vscode.window.showInformationMessage(said, open)) === open)
    await vscode.commands.executeCommand("vscode.open", target);
}
