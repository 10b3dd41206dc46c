// The variables' menu: change what is shown, or take it elsewhere. Edits are `s2s/edit`, as in the panels.

import * as vscode from "vscode";

import type { EditArguments, EditBody, StepBody } from "../../panels/src/protocol/messages";
import type { Panel } from "../panel/panel";
import type { Watching } from "../session/watching";
import { type Asked, askedOf, frameOf, type MenuContext } from "./asked";
import { attend } from "./attending";
import { arrayType, numpyOf } from "./numpy";

const CHUNK = 2 ** 20;
const OFFERED = 20;

export function registerVariableCommands(watching: Watching, panel: Panel): vscode.Disposable[] {
  const register = (name: string, run: (asked: Asked) => Promise<void>) =>
    vscode.commands.registerCommand(`s2sdap.${name}`, async (context?: MenuContext) => {
      const asked = askedOf(watching, context);
      if (asked !== undefined) await attempt(() => run(asked));
    });
  return [
    vscode.commands.registerCommand("s2sdap.forceToken", async (context?: MenuContext) => {
      const asked = askedOf(watching, context);
      const watched = asked?.watched ?? watching.current;
      if (watched !== undefined)
        await attempt(() => forceToken({ watched, frameId: frameOf(watched) }, asked));
    }),
    register("banToken", async (asked) => {
      const token = (await tokenOf(asked)) ?? (await chooseToken(asked, "Which token may not come here?"));
      if (token !== undefined) await edit(asked, { ban: [token] });
    }),
    register("reviveCandidate", (asked) => edit(asked, { revive: { candidate: placeOf(asked) } })),
    register("pruneHypothesis", (asked) =>
      edit(asked, { prune: Number(/\d+/.exec(asked.variable.name)?.[0] ?? NaN) }),
    ),
    register("editAttention", editAttention),
    register("copyNumPy", copyNumPy),
    register("findNeighbours", () => {
      panel.show(false, "neighbours");
      return Promise.resolve();
    }),
  ];
}

/** A refusal is shown; it says what to do. */
async function attempt(deed: () => Promise<void>): Promise<void> {
  try {
    await deed();
  } catch (error) {
    void vscode.window.showErrorMessage((error as Error).message);
  }
}

async function edit(
  { watched, frameId }: Pick<Asked, "watched" | "frameId">,
  change: EditArguments,
): Promise<void> {
  const answer = (await watched.session.customRequest("s2s/edit", { frameId, ...change })) as EditBody;
  vscode.window.setStatusBarMessage(`s2sdap: ${answer.edits?.join(", ")}`, 5000);
}

async function forceToken(at: Pick<Asked, "watched" | "frameId">, asked: Asked | undefined): Promise<void> {
  const known = asked?.variable.type?.startsWith("token #") ? await tokenOf(asked) : undefined;
  const token = known ?? (await chooseToken(at, "Which token is to come here?"));
  if (token !== undefined) await edit(at, { token });
}

/** The id of the token that a variable is about, where it is about one. */
async function tokenOf(asked: Asked): Promise<number | undefined> {
  const [, id] = /^token #(\d+)$/.exec(asked.variable.type ?? "") ?? [];
  if (id !== undefined) return Number(id);
  if (asked.variable.type !== "candidate") return undefined;
  return (await stepAt(asked)).candidates?.[placeOf(asked)]?.id;
}

/** A candidate's place in search's order is its name. */
function placeOf({ variable }: Asked): number {
  return Number(variable.name);
}

async function stepAt({ watched, frameId }: Pick<Asked, "watched" | "frameId">, top = 0): Promise<StepBody> {
  return (await watched.session.customRequest("s2s/step", { frameId, top })) as StepBody;
}

/** One of the likeliest tokens, or one that is typed. */
async function chooseToken(
  at: Pick<Asked, "watched" | "frameId">,
  title: string,
): Promise<number | string | undefined> {
  const { top = [] } = await stepAt(at, OFFERED);
  const likely = top.map(({ piece, p, id }) => ({
    label: piece,
    description: `p = ${Number(p.toPrecision(4))}`,
    token: id as number | string,
  }));
  const picker = vscode.window.createQuickPick<(typeof likely)[number]>();
  picker.title = title;
  picker.placeholder = "One of the likeliest, or type any token";
  picker.items = likely;
  picker.onDidChangeValue((typed) => {
    const own =
      typed === "" || likely.some(({ label }) => label === typed)
        ? []
        : [{ label: typed, description: "as it is typed", token: typed }];
    picker.items = [...likely, ...own];
  });
  const chosen = new Promise<number | string | undefined>((resolve) => {
    picker.onDidAccept(() => resolve(picker.activeItems[0]?.token));
    picker.onDidHide(() => resolve(undefined));
  });
  picker.show();
  const token = await chosen;
  picker.dispose();
  return token;
}

/** Words of the source with their shares, as the console's `attend` takes them. */
async function editAttention(asked: Asked): Promise<void> {
  const [, token] = /^(\d+): /.exec(asked.variable.name) ?? [];
  const written = await vscode.window.showInputBox({
    title: "Where is it to look?",
    prompt: "Words of the source with their shares; the rest is shared among the others in proportion.",
    value: token === undefined ? "" : `[${token}]=1`,
    placeHolder: "heute=0.7 morgen=0.3, or [5]=1 for source token 5",
  });
  if (written === undefined) return;
  await edit(asked, { command: attend(written, asked.variable.name, asked.container.name) });
}

/** All bytes of a tensor, read in pieces, as Python in the clipboard. */
async function copyNumPy({ watched, variable }: Asked): Promise<void> {
  const { memoryReference } = variable;
  const type = arrayType(variable.type ?? "") ?? {
    dtype: "float32",
    shape: [variable.indexedVariables ?? 0],
  };
  const pieces: Buffer[] = [];
  for (let offset = 0; ; offset += CHUNK) {
    const taken = { memoryReference, offset, count: CHUNK };
    const { data } = (await watched.session.customRequest("readMemory", taken)) as { data?: string };
    const piece = Buffer.from(data ?? "", "base64");
    pieces.push(piece);
    if (piece.length < CHUNK) break;
  }
  await vscode.env.clipboard.writeText(numpyOf(type, Buffer.concat(pieces)));
  vscode.window.setStatusBarMessage(`s2sdap: ${variable.name} is in the clipboard, as NumPy`, 5000);
}
