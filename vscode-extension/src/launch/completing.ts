// What a launch configuration leaves open, filled in. Pure: the editor's part is in `provider`.

export const TYPE = "s2sdap";

/** The mark of a session that another adapter begins within ours, such as debugpy: where that one listens. */
export const CHILD = "__child";

/** A configuration, as far as this extension reads it; the adapter checks the rest. */
export interface Configuration {
  type: string;
  name: string;
  request: string;
  program?: string;
  source?: string;
  session?: string;
  model?: string;
  python?: string;
  connect?: unknown;
  token?: string;
  tokenFile?: string;
  cwd?: string;
  env?: Record<string, string>;
  noDebug?: boolean;
  [name: string]: unknown;
}

/** Whether another adapter than ours is at the other end. */
export function isChild(configuration: object): boolean {
  return CHILD in configuration;
}

/** The text in the active editor. `path` is absent where it has never been saved. */
export interface Document {
  path?: string;
  text: string;
}

/** The configuration of an F5 without any: this document, a sentence a line. */
export function forDocument(document: Document, noDebug: boolean): Configuration {
  const base = { type: TYPE, request: "launch", name: "Decode this file", ...(noDebug ? { noDebug } : {}) };
  if (document.path === undefined) return { ...base, source: document.text };
  return /\.s2s$/.test(document.path)
    ? { ...base, name: "Open this session", session: document.path }
    : { ...base, program: document.path };
}

/** The model of a launch that names none: that of the settings, else the last one, else the adapter's own. */
export function withModel(
  configuration: Configuration,
  setting: string,
  last: string | undefined,
): Configuration {
  const open = configuration.request === "launch" && !configuration.model && !configuration.session;
  const model = setting.trim() || last;
  return open && model ? { ...configuration, model } : configuration;
}

/** What the adapter is sent: without what only this extension reads. */
export function forAdapter(configuration: Configuration, token: string | undefined): Configuration {
  const { tokenFile: _, ...rest } = configuration;
  return token === undefined ? rest : { ...rest, token };
}
