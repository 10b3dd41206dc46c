// The document of the webview. Pure.

/** `source` is where the webview's files come from; only this document's script and styles are let in. */
export function documentOf(parts: { source: string; script: string; style: string; nonce: string }): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${parts.nonce}'`,
    `style-src ${parts.source}`,
    `font-src ${parts.source}`,
    `connect-src ${parts.source}`,
    `img-src ${parts.source} data: blob:`,
  ].join("; ");
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <title>s2sdap</title>
    <link rel="stylesheet" href="${parts.style}" />
  </head>
  <body>
    <div id="app"></div>
    <script type="module" nonce="${parts.nonce}" src="${parts.script}"></script>
  </body>
</html>
`;
}
