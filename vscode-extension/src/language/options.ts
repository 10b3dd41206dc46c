// What the language server is started with, and what it asks of the editor. Pure: VS Code's part is in `server`.

export const DEBUG = "s2sdap.source.debug";
export const BREAK = "s2sdap.source.break";
export const ENABLE = "s2sdap.source.enableFile";

/** Languages of which a file may hold sentences; the server reads those alone that somebody named. */
export const LANGUAGES = ["s2s-corpus", "plaintext", "tsv", "csv"] as const;
export const CONFIGURATION = "**/s2sdap.toml";

export interface Settings {
  /** Patterns of the files that hold source sentences. */
  files: readonly string[];
  /** The model of those without a configuration of their own. */
  model: string;
}

/** What the server is told when it starts; see docs/language-server.md. */
export function initializationOptions(settings: Settings): object {
  const { files, model } = settings;
  return {
    configuration: { ...(files.length > 0 ? { files } : {}), ...(model ? { model } : {}) },
    clientCommands: [DEBUG, BREAK],
  };
}

/** Whether there is anything to read before a person asks for it. */
export function wanted(settings: Settings, hasConfiguration: boolean): boolean {
  return hasConfiguration || settings.files.length > 0;
}

/** The condition of a breakpoint that stops a sentence at one of its steps. */
export function atStep(step: number): string {
  return `step == ${step}`;
}
