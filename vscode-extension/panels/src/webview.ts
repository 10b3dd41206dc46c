// The panels in a webview of VS Code, which brings everything else that the page has around them.

import { mount } from "svelte";

import type { VsCode } from "./connection/webview";
import { saveThrough } from "./parts/download";
import "./theme.css";
import { followTheme } from "./webview/theme";
import "./webview/theme.css";
import Webview from "./webview/Webview.svelte";

declare function acquireVsCodeApi(): VsCode;

const target = document.getElementById("app");
if (target === null) throw new Error("the webview has no place for the panels");
followTheme(document);
const vscode = acquireVsCodeApi();
saveThrough(vscode);
mount(Webview, { target, props: { vscode } });
