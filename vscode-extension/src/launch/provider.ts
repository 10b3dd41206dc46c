// Launch configurations: offered, and completed before a session begins.

import * as vscode from "vscode";

import { findPython } from "../python/interpreter";
import type { Watching } from "../session/watching";
import { addressOf } from "./address";
import { type Configuration, forAdapter, forDocument, isChild, TYPE, withModel } from "./completing";
import { documentInView, tellToOpen } from "./in_view";
import { tokenFor } from "./token";

/** Under which the model of the last launch is remembered in a workspace. */
const LAST_MODEL = "model";

export class ConfigurationProvider implements vscode.DebugConfigurationProvider {
  readonly #memory: vscode.Memento;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  /** F5: without any configuration the text that is being looked at. */
  resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration | undefined {
    let configuration = given as Configuration;
    if (isChild(configuration)) return configuration;
    if (!given.type && !given.request && !given.name) {
      const document = documentInView();
      if (document === undefined) {
        tellToOpen();
        return undefined;
      }
      configuration = forDocument(document, Boolean(given.noDebug));
    }
    const setting = vscode.workspace.getConfiguration("s2sdap", folder).get("model", "");
    return withModel(configuration, setting, this.#memory.get(LAST_MODEL));
  }

  /** With the variables filled in: who runs it, and the token of who runs already. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const configuration = given as Configuration;
    if (isChild(configuration)) return configuration;
    try {
      if (configuration.request === "attach" && configuration.connect === undefined) {
        const told = await vscode.window.showInputBox({
          title: "Where does the program listen?",
          prompt: "As `s2sdap.listen` or `s2sdap serve` printed it.",
          value: "tcp://127.0.0.1:5680",
          ignoreFocusOut: true,
        });
        if (told === undefined) return undefined;
        configuration.connect = told;
      }
      if (configuration.connect !== undefined) {
        const token = await tokenFor(configuration, addressOf(configuration.connect));
        return token === undefined ? undefined : forAdapter(configuration, token);
      }
    } catch (error) {
      void vscode.window.showErrorMessage(`s2sdap: ${(error as Error).message}`);
      return undefined;
    }
    const python = await findPython(folder, configuration.python ?? "");
    return python === undefined ? undefined : forAdapter({ ...configuration, python }, undefined);
  }
}

/** What is offered without a launch.json, for the text that is being looked at. */
export const dynamicConfigurations: vscode.DebugConfigurationProvider = {
  provideDebugConfigurations() {
    const launch = { type: TYPE, request: "launch", program: "${file}" };
    return [
      { ...launch, name: "Decode this file" },
      { ...launch, name: "Decode this file with a beam of 4", search: { beamSize: 4 } },
      {
        ...launch,
        name: "Decode this file to the first unsure token",
        stopOnEntry: false,
        watchRules: ["lowConfidence(p < 0.5)"],
      },
      { type: TYPE, request: "attach", name: "Attach to a program that listens" },
    ];
  },
};

/** Keep in mind the model of a launch that has succeeded, for one that names none. */
export function rememberModel(watching: Watching, memory: vscode.Memento): vscode.Disposable[] {
  return [
    watching.onHeard(({ watched, message }) => {
      const { model, session } = watched.session.configuration as Configuration;
      if (message.type === "response" && message.command === "launch" && message.success && model && !session)
        void memory.update(LAST_MODEL, model);
    }),
  ];
}
