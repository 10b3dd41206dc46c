// The status bar: model, branch and step of the decode that is debugged.

import * as vscode from "vscode";

import type { StateBody, StepBody } from "../../panels/src/protocol/messages";
import type { Watched, Watching } from "../session/watching";
import { status } from "./telling";

export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem("s2sdap.status", vscode.StatusBarAlignment.Left, 50);
  readonly #watching: Watching;
  readonly #rest: vscode.Disposable[];
  #asked = 0;

  constructor(watching: Watching) {
    this.#watching = watching;
    this.#item.name = "s2sdap";
    this.#item.command = "s2sdap.showPanels";
    this.#item.tooltip = "Show the panels of this decode";
    this.#rest = [
      watching.onChanged(() => void this.#show()),
      watching.onHeard(({ message }) => {
        if (message.event === "invalidated") void this.#show();
      }),
      vscode.debug.onDidChangeActiveStackItem(() => void this.#show()),
    ];
  }

  dispose(): void {
    for (const each of [...this.#rest, this.#item]) each.dispose();
  }

  async #show(): Promise<void> {
    const number = ++this.#asked;
    const { current } = this.#watching;
    if (current === undefined) {
      this.#item.hide();
      return;
    }
    const model = modelOf(current);
    if (current.stopped) {
      const text = await told(current, model);
      if (number !== this.#asked || text === undefined) return;
      this.#item.text = `$(debug) ${text}`;
    } else this.#item.text = `$(loading~spin) ${[await model, "running"].filter(Boolean).join(" · ")}`;
    if (number === this.#asked) this.#item.show();
  }
}

/** The model of a launch, by the name that a person gave it. */
async function modelOf({ session }: Watched): Promise<string> {
  const named = session.configuration["model"] as string | undefined;
  if (named) return shortened(named);
  try {
    const { model } = (await session.customRequest("s2s/state")) as StateBody;
    return shortened(model ?? "");
  } catch {
    return "";
  }
}

function shortened(model: string): string {
  return model.replace(/\/+$/, "").split("/").at(-1) ?? model;
}

async function told({ session }: Watched, model: Promise<string>): Promise<string | undefined> {
  try {
    const step = (await session.customRequest("s2s/step", { top: 1 })) as StepBody;
    return status(await model, step);
  } catch {
    return undefined; // it has gone on meanwhile
  }
}
