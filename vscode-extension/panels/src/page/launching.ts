// The form of a new session as launch arguments.

import type { LaunchArguments } from "../protocol/requests";

export interface Form {
  model: string;
  from: "typed" | "file" | "recording";
  text: string;
  path: string;
  reference: string;
  beamSize: number;
  nBest: number;
  lengthPenalty: number;
  maxLength: number;
  /** An index of training states; empty is none, but for the bundled model, which has its own. */
  index: string;
  /** Whether to stop at tokens below `threshold`. */
  unsure: boolean;
  threshold: number;
  /** More launch arguments, as JSON. */
  more: string;
}

/** The form as it is when nobody has filled it in. */
export const FRESH: Form = {
  model: "",
  from: "typed",
  text: "March 3, 1999\nJ 4, 2005",
  path: "",
  reference: "",
  beamSize: 4,
  nBest: 1,
  lengthPenalty: 0,
  maxLength: 200,
  index: "",
  unsure: true,
  threshold: 0.5,
  more: "",
};

const PLAIN = { beamSize: 1, nBest: 1, lengthPenalty: 0, maxLength: 200 } as const;

/** The launch, and the watch rules to switch on. Throws a `SyntaxError` where the JSON is none. */
export function launchOf(form: Form): { wanted: LaunchArguments; rules: string[] } {
  if (form.from === "recording") return { wanted: { session: form.path.trim() }, rules: [] };
  const names = Object.keys(PLAIN) as (keyof typeof PLAIN)[];
  const search = Object.fromEntries(
    names.filter((name) => form[name] !== PLAIN[name]).map((name) => [name, form[name]]),
  );
  const wanted: LaunchArguments = { model: form.model.trim() };
  if (form.from === "typed") {
    wanted.source = form.text;
    if (form.reference.trim() !== "") wanted.reference = form.reference;
  } else {
    wanted.program = form.path.trim();
    if (form.reference.trim() !== "") wanted.reference = form.reference.trim();
  }
  if (form.index.trim() !== "") wanted.index = form.index.trim();
  const more = moreOf(form.more);
  const { search: moreSearch, ...others } = more;
  // A model of Hugging Face has settings of its own: those that were left alone here are not named at all.
  Object.assign(wanted, { search: { ...search, ...moreSearch } }, others);
  return { wanted, rules: form.unsure ? [`lowConfidence(p < ${form.threshold})`] : [] };
}

/** The columns of a `.tsv`: sources and, where any line has one, references in step with them. */
export function columnsOf(table: string): { text: string; reference?: string } {
  const rows = table.split("\n").map((line) => line.replace(/\r$/, "").split("\t"));
  const column = (at: number) => rows.map((row) => row[at] ?? "").join("\n");
  return rows.some((row) => row.length > 1) ? { text: column(0), reference: column(1) } : { text: column(0) };
}

function moreOf(written: string): LaunchArguments {
  if (written.trim() === "") return {};
  let read: unknown;
  try {
    read = JSON.parse(written);
  } catch (error) {
    throw new SyntaxError(`More settings are no JSON: ${(error as Error).message}`);
  }
  if (typeof read !== "object" || read === null || Array.isArray(read))
    throw new SyntaxError('More settings must be a JSON object, such as {"device": "cpu"}.');
  return read as LaunchArguments;
}
