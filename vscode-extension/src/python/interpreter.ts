// Finds the Python that runs the adapter, and says what to do where there is none.

import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import * as vscode from "vscode";

import { type Candidate, candidates, installCommand } from "./candidates";

/** What the Python extension offers to others, as far as it is used here. */
interface PythonExtension {
  environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
    resolveEnvironment(path: { path: string }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
  };
}

/** `missing`: it runs, without the package. `broken`: it cannot be run, or is too old. */
type State = { kind: "ready" } | { kind: "missing" } | { kind: "broken"; why: string };

const PROBE = [
  "import importlib.util, sys",
  'sys.version_info >= (3, 11) or sys.exit("it is Python %d.%d; s2sdap needs 3.11 or newer" % sys.version_info[:2])',
  'lacking = [name for name in ("s2sdap", "msgspec", "numpy", "torch") if not importlib.util.find_spec(name)]',
  "sys.exit(3 if lacking else 0)",
].join("\n");

/** The Python that has the package, the first of those that may be meant. Nothing where a person was told. */
export async function findPython(
  folder: vscode.WorkspaceFolder | undefined,
  configured: string,
): Promise<string | undefined> {
  const tried: { candidate: Candidate; state: State }[] = [];
  for (const candidate of await likely(folder, configured)) {
    const state = await probe(candidate.path);
    if (state.kind === "ready") return candidate.path;
    tried.push({ candidate, state });
  }
  void tell(tried);
  return undefined;
}

async function likely(folder: vscode.WorkspaceFolder | undefined, configured: string): Promise<Candidate[]> {
  const folders = folder === undefined ? (vscode.workspace.workspaceFolders ?? []) : [folder];
  return candidates({
    configuration: configured,
    setting: vscode.workspace.getConfiguration("s2sdap", folder).get("python", "").trim(),
    extension: await ofPythonExtension(folder),
    folders: folders.map((each) => each.uri.fsPath),
    platform: process.platform,
    path: process.env["PATH"] ?? "",
    exists: existsSync,
    join,
  });
}

async function ofPythonExtension(folder: vscode.WorkspaceFolder | undefined): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
  if (extension === undefined) return undefined;
  try {
    const { environments } = await extension.activate();
    const chosen = environments?.getActiveEnvironmentPath(folder?.uri);
    if (environments === undefined || chosen === undefined) return undefined;
    return (await environments.resolveEnvironment(chosen))?.executable.uri?.fsPath;
  } catch {
    return undefined; // another extension's failure is not ours to tell: there are other places to look
  }
}

function probe(python: string): Promise<State> {
  return new Promise((resolve) => {
    execFile(python, ["-P", "-c", PROBE], { timeout: 20_000 }, (error, _out, errors) => {
      if (error === null) resolve({ kind: "ready" });
      else if (error.code === 3) resolve({ kind: "missing" });
      else resolve({ kind: "broken", why: errors.trim().split("\n").at(-1) || error.message });
    });
  });
}

/** One message with what to do: install the package, or choose another Python. */
async function tell(tried: readonly { candidate: Candidate; state: State }[]): Promise<void> {
  const choose = "Choose a Python …";
  const lacking = tried.find((each) => each.state.kind === "missing");
  if (lacking === undefined) {
    const first = tried[0];
    const why =
      first === undefined
        ? "No Python was found: neither by the Python extension, nor in .venv, nor on the PATH."
        : `${first.candidate.path} (from ${first.candidate.from}) cannot be used: ${"why" in first.state ? first.state.why : ""}`;
    if ((await vscode.window.showErrorMessage(`s2sdap: ${why}`, choose)) === choose)
      await chooseInterpreter();
    return;
  }
  const { path, from } = lacking.candidate;
  const install = "Install in a terminal";
  const said = `The package s2sdap is not installed in ${path} (from ${from}). Its adapter runs the model there.`;
  const answer = await vscode.window.showErrorMessage(said, install, choose);
  if (answer === install) {
    const terminal = vscode.window.createTerminal("Install s2sdap");
    terminal.show();
    terminal.sendText(installCommand(path, wheel(), process.platform));
  } else if (answer === choose) await chooseInterpreter();
}

/** The package as a file, which is packed with this extension. */
function wheel(): string {
  const folder = join(__dirname, "wheel");
  const [name] = readdirSync(folder).filter((each) => each.endsWith(".whl"));
  return join(folder, name!);
}

async function chooseInterpreter(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openSettings", "s2sdap.python");
}
