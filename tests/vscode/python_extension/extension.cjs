// The part of the Python extension that ours speaks with, since no marketplace is reached from here: a person selects
// an interpreter, and two functions of its API tell others. Before that it knows none.
"use strict";

const vscode = require("vscode");

let selected = "python";

exports.activate = (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand("python.setInterpreter", async () => {
      selected = (await vscode.window.showInputBox({ title: "Select Interpreter" })) ?? selected;
    }),
  );
  return {
    environments: {
      getActiveEnvironmentPath: () => ({ id: selected, path: selected }),
      resolveEnvironment: ({ id, path }) =>
        Promise.resolve(path === "python" ? undefined : { id, path, executable: { uri: vscode.Uri.file(path) } }),
    },
  };
};
