// The extension as other extensions and VS Code itself see it: commands, sessions, breakpoints, memory.
"use strict";

const assert = require("node:assert/strict");
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");

const vscode = require("vscode");

const [folder] = vscode.workspace.workspaceFolders;
const extension = vscode.extensions.getExtension("s2sdap.s2sdap");
const program = join(folder.uri.fsPath, "host.txt");
const LAUNCH = { type: "s2sdap", request: "launch", name: "host", program };

/** The next thing that an event tells and that is wanted. */
const next = (event, wanted = () => true) =>
  new Promise((resolve) => {
    const listening = event((told) => {
      if (!wanted(told)) return;
      listening.dispose();
      resolve(told);
    });
  });

/** Do something, and wait for the stop that it leads to. */
async function toStop(act) {
  const stopped = next(vscode.debug.onDidChangeActiveStackItem, (item) => item?.frameId !== undefined);
  await act();
  await stopped;
}

const move = (command) => toStop(() => vscode.commands.executeCommand(`workbench.action.debug.${command}`));

async function topFrame(session) {
  return (await session.customRequest("stackTrace", { threadId: 1, levels: 1 })).stackFrames[0];
}

/** The scope of that name in the frame on top. */
async function scope(session, wanted) {
  const { scopes } = await session.customRequest("scopes", { frameId: (await topFrame(session)).id });
  return scopes.find(({ name }) => name === wanted).variablesReference;
}

describe("a session that another extension starts", () => {
  let session;

  before(async () => {
    writeFileSync(program, "J 4, 2005\nMarch 3, 1999\n");
    await vscode.workspace.getConfiguration("s2sdap").update("panels.open", "never");
    const configuration = { ...LAUNCH, model: "dates", search: { beamSize: 2 } };
    await toStop(async () => assert.equal(await vscode.debug.startDebugging(folder, configuration), true));
    session = vscode.debug.activeDebugSession;
  });

  it("wakes the extension, with every command that its manifest tells of", async () => {
    assert.ok(extension.isActive);
    const there = new Set(await vscode.commands.getCommands(true));
    const told = extension.packageJSON.contributes.commands.map(({ command }) => command);
    assert.ok(told.length > 0);
    assert.deepEqual(
      told.filter((command) => !there.has(command)),
      [],
    );
  });

  it("answers what a panel asks, and says what it refuses", async () => {
    const state = await session.customRequest("s2s/state");
    assert.equal(state.phase, "stopped");
    assert.equal(state.launch.program, program);
    await move("stepOver");
    const step = await session.customRequest("s2s/step", { top: 3 });
    assert.equal(step.top.length, 3);
    assert.ok(step.top[0].p > 0.99);
    await assert.rejects(session.customRequest("scopes", { frameId: 999_999 }), /S2S4005/);
  });

  it("gives a tensor's bytes to a memory inspector", async () => {
    const reference = await scope(session, "Decoder");
    const { variables } = await session.customRequest("variables", { variablesReference: reference });
    const { memoryReference, variablesReference } = variables.find(({ name }) => name === "state");
    const { data } = await session.customRequest("readMemory", { memoryReference, offset: 0, count: 16 });
    const bytes = Buffer.from(data, "base64");
    const features = await session.customRequest("variables", { variablesReference, count: 4 });
    assert.equal(features.variables.length, 4);
    features.variables.forEach(({ value }, at) => {
      assert.ok(Math.abs(Number(value) - bytes.readFloatLE(4 * at)) < 1e-5, `${value} at ${at}`);
    });
  });

  it("gives them through the file that VS Code itself makes of a tensor's memory", async () => {
    const variablesReference = await scope(session, "Decoder");
    const { variables } = await session.customRequest("variables", { variablesReference });
    const { memoryReference, value } = variables.find(({ name }) => name === "state");
    // The file that "View Binary Data" opens: VS Code's own file system over readMemory and writeMemory.
    const path = `/${encodeURIComponent(memoryReference)}/state.bin`;
    const file = vscode.Uri.from({
      scheme: "vscode-debug-memory",
      authority: session.id,
      path,
      query: "range=0:256",
    });
    const bytes = Buffer.from(await vscode.workspace.fs.readFile(file));
    assert.equal(bytes.length, 256, value);
    const { data } = await session.customRequest("readMemory", { memoryReference, offset: 0, count: 256 });
    assert.equal(bytes.toString("base64"), data);
  });

  it("takes a variable's new value as an edit, on a branch", async () => {
    const variablesReference = await scope(session, "Prediction");
    await session.customRequest("setVariable", { variablesReference, name: "token", value: "1" });
    const step = await session.customRequest("s2s/step", { top: 1 });
    assert.equal(step.target.at(-1).piece, "1");
    assert.equal((await session.customRequest("s2s/branches")).branches.length, 2);
  });

  it("stops at the breakpoints of VS Code", async () => {
    const line = new vscode.Location(vscode.Uri.file(program), new vscode.Position(1, 0));
    vscode.debug.addBreakpoints([
      new vscode.SourceBreakpoint(line),
      new vscode.FunctionBreakpoint("attention@3"),
    ]);
    const places = [];
    for (let stop = 0; stop < 3; stop++) {
      await move("continue");
      const { line, name } = await topFrame(session);
      places.push(`${line}: ${name}`);
    }
    assert.deepEqual(places, ["1: step 3 · attention", "2: encoder · 13 tokens", "2: step 3 · attention"]);
  });

  it("opens the panels when it is asked to, and not by itself where the settings say so", async () => {
    const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs.map(({ label }) => label));
    assert.ok(!tabs().includes("s2sdap"), `${tabs()}`);
    const opened = next(vscode.window.tabGroups.onDidChangeTabs, () => tabs().includes("s2sdap"));
    await vscode.commands.executeCommand("s2sdap.showPanels");
    await opened;
  });

  it("ends when VS Code ends it", async () => {
    const ended = next(vscode.debug.onDidTerminateDebugSession, (each) => each.id === session.id);
    await vscode.debug.stopDebugging(session);
    await ended;
    assert.equal(vscode.debug.activeDebugSession, undefined);
  });

  it("has left its model to the next one that names none", async () => {
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    const ended = next(vscode.debug.onDidTerminateDebugSession);
    await toStop(() => vscode.debug.startDebugging(folder, LAUNCH));
    assert.equal(vscode.debug.activeDebugSession.configuration.model, "dates");
    await vscode.debug.stopDebugging();
    await ended;
  });
});
