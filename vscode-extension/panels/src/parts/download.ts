// A file for the person, made in the browser: nothing is sent anywhere. A page hands it to the browser's
// downloads; a webview has none, so there the extension asks where to keep it.

import type { SaveMessage } from "../connection/host_messages";
import type { VsCode } from "../connection/webview";

export type Save = (name: string, content: Blob) => Promise<void>;

let save: Save = inBrowser;

/** Have files kept by the extension. A webview says so once, before it shows anything. */
export function saveThrough(vscode: VsCode): void {
  save = async (name, content) => {
    const message: SaveMessage = { type: "save", name, data: await base64Of(content) };
    vscode.postMessage(message);
  };
}

/** Offer a text, or a blob, as a file to keep. */
export async function download(name: string, type: string, content: string | Blob): Promise<void> {
  await save(name, typeof content === "string" ? new Blob([content], { type }) : content);
}

async function inBrowser(name: string, content: Blob): Promise<void> {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function base64Of(content: Blob): Promise<string> {
  const bytes = new Uint8Array(await content.arrayBuffer());
  const CHUNK = 0x8000; // a call takes only so many arguments
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK)
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}
