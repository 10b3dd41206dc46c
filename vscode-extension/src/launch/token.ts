// The token of a server: from the configuration, from its file, or from the person.

import { readFile } from "node:fs/promises";

import * as vscode from "vscode";

import { type Address, written } from "./address";
import type { Configuration } from "./completing";

/** Undefined where the person gave up. Throws with what to do where the file cannot be read. */
export async function tokenFor(configuration: Configuration, address: Address): Promise<string | undefined> {
  if (configuration.token) return configuration.token;
  if (configuration.tokenFile) {
    try {
      return (await readFile(configuration.tokenFile, "utf-8")).trim();
    } catch (error) {
      throw new Error(
        `The token cannot be read (${(error as Error).message}). It is in the file that the server named when it began.`,
      );
    }
  }
  const given = await vscode.window.showInputBox({
    title: `Token of ${written(address)}`,
    prompt: "The text of the file that the server or program named when it began to listen.",
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) =>
      /^[0-9a-f]{64}$/.test(text.trim()) ? undefined : "A token is 64 hexadecimal digits.",
  });
  return given?.trim();
}
