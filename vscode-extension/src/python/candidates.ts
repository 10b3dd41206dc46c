// Where a Python for a workspace may be, likeliest first. Pure: the editor's part is in `interpreter`.

export interface Candidate {
  path: string;
  /** Who says so, for a person to read. */
  from: string;
  /** Whether a person chose it: then no other one is tried. */
  chosen: boolean;
}

export interface Surroundings {
  /** `python` of the launch configuration, and the setting. */
  configuration: string;
  setting: string;
  /** What the Python extension has chosen for this folder. */
  extension: string | undefined;
  /** The workspace's folders. */
  folders: readonly string[];
  platform: NodeJS.Platform;
  path: string;
  exists: (path: string) => boolean;
  join: (...parts: string[]) => string;
}

/** Every Python that may be meant; one that a person chose stands alone. */
export function candidates(around: Surroundings): Candidate[] {
  const { configuration, setting } = around;
  if (configuration) return [{ path: configuration, from: "the launch configuration", chosen: true }];
  if (setting) return [{ path: setting, from: "the setting s2sdap.python", chosen: true }];
  const found: Candidate[] = [];
  const add = (path: string, from: string) => {
    if (!found.some((each) => each.path === path)) found.push({ path, from, chosen: false });
  };
  if (around.extension) add(around.extension, "the Python extension");
  const windows = around.platform === "win32";
  const inside = windows ? ["Scripts", "python.exe"] : ["bin", "python"];
  for (const folder of around.folders)
    for (const environment of [".venv", "venv"]) {
      const path = around.join(folder, environment, ...inside);
      if (around.exists(path)) add(path, `${environment} of the workspace`);
    }
  const names = windows ? ["python.exe"] : ["python3", "python"];
  for (const folder of around.path.split(windows ? ";" : ":").filter(Boolean))
    for (const name of names) {
      const path = around.join(folder, name);
      if (around.exists(path)) add(path, "the PATH");
    }
  return found;
}

/** What the wheel is installed with: Hugging Face models, and neighbours in training. */
const EXTRAS = "[huggingface,neighbors]";

/**
 * The command that brings the package to a Python, as a person would type it in a terminal. It installs the
 * wheel that the extension brings: whatever an index has under its name may be somebody else's.
 */
export function installCommand(python: string, wheel: string, platform: NodeJS.Platform): string {
  const windows = platform === "win32";
  const quoted = (text: string) => (windows ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`);
  const command = /^[\w./\\:-]+$/.test(python) ? python : `${windows ? "& " : ""}${quoted(python)}`;
  return `${command} -m pip install ${quoted(wheel + EXTRAS)}`;
}
