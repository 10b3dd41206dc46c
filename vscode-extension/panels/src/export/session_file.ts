// A session as one file: the panels themselves, with a recording in place of an adapter. It opens from disk,
// asks nobody for anything, and its own policy forbids it to.

import type { Recording } from "../connection/recorded";

/** The panels as the build made them for such a file. */
export interface Panels {
  script: string;
  style: string;
}

/** Fetch them from where this bundle came from. */
export async function panelsAt(base: string): Promise<Panels> {
  const get = async (name: string) => {
    const answer = await fetch(new URL(name, base));
    if (!answer.ok) throw new Error(`${name} is not there: ${answer.status}`);
    return await answer.text();
  };
  const [script, style] = await Promise.all([get("recorded.js"), get("recorded.css")]);
  return { script, style };
}

/** The file. */
export async function sessionFile(recording: Recording, title: string, panels: Panels): Promise<string> {
  const script = inScript(panels.script);
  const policy = [
    "default-src 'none'",
    `script-src '${await hashOf(script)}'`,
    `style-src '${await hashOf(panels.style)}'`,
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types svelte-trusted-html",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${panels.style}</style>
</head>
<body>
<div id="app"></div>
<noscript><pre>${escaped(plain(recording))}</pre></noscript>
<script type="application/json" id="recording">${JSON.stringify(recording).replace(/</g, "\\u003c")}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}

/** A script that does not end the element it stands in; in strings, templates and patterns it stays the same. */
function inScript(script: string): string {
  return script.replace(/<(?=!--|\/?script)/gi, "\\x3c");
}

async function hashOf(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `sha256-${btoa(String.fromCharCode(...bytes))}`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** For a browser that runs no scripts: sentences and what came of them. */
function plain(recording: Recording): string {
  const answer = recording.answers.find((each) => each.command === "s2s/sentences");
  const { sentences } = (answer?.body ?? { sentences: [] }) as {
    sentences: { text: string; output?: string; error?: string }[];
  };
  return sentences
    .map(({ text, output, error }) => `${text}\n  → ${output ?? error ?? "not decoded"}`)
    .join("\n");
}
