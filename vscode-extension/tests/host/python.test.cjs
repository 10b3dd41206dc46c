// The model's own Python: a breakpoint in a person's forward stops in a child session, while the decode's answers.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { createInterface } = require("node:readline");

const vscode = require("vscode");

const [folder] = vscode.workspace.workspaceFolders;
const program = join(folder.uri.fsPath, "own.py");
const tokenFile = join(folder.uri.fsPath, "token");
const LINES = `import sys, torch, s2sdap
torch.manual_seed(3)
class Letters(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.out = torch.nn.Embedding(5, 8), torch.nn.Linear(8, 5)
    def forward(self, ids):
        states = self.embedding(ids)
        return self.out(states)
model = Letters()
print(s2sdap.listen(0, quiet=True, token_file=sys.argv[1]).tcp_port, flush=True)
s2sdap.wait_for_client()
sys.stdin.readline()
with s2sdap.debug(model, list("abcde"), sites={"out": "prediction.logits"}):
    logits = model(torch.tensor([[0, 1, 2]]))
print("went on", tuple(logits.shape), flush=True)
`;
const FORWARD = LINES.split("\n").findIndex((line) => line.includes("states = ")) + 1;

/** All that adapters say, and who waits for some of it. */
class Heard {
  #told = [];
  #waiting = [];

  hear(session, message) {
    this.#told.push({ session, message });
    this.#waiting = this.#waiting.filter((look) => !look());
  }

  /** The message of a session for which this holds, said already or later. */
  until(holds) {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.#told.find((each) => holds(each.session, each.message));
        if (found !== undefined) resolve(found.message.body);
        return found !== undefined;
      };
      if (!look()) this.#waiting.push(look);
    });
  }
}

describe("the model's own Python", () => {
  const heard = new Heard();
  const ended = [];
  const sessions = [];
  const listening = [];
  let own, said;

  before(() => {
    writeFileSync(program, LINES);
    listening.push(
      vscode.debug.registerDebugAdapterTrackerFactory("s2sdap", {
        createDebugAdapterTracker: (session) => ({
          onDidSendMessage: (message) => heard.hear(session, message),
        }),
      }),
      vscode.debug.onDidStartDebugSession((session) => sessions.push(session)),
      vscode.debug.onDidTerminateDebugSession((session) => ended.push(session.id)),
    );
    own = spawn(vscode.workspace.getConfiguration("s2sdap").get("python"), [program, tokenFile]);
    said = createInterface({ input: own.stdout })[Symbol.asyncIterator]();
  });

  after(() => {
    listening.forEach((each) => each.dispose());
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    own.kill();
  });

  it("stops in forward while the decode's session waits, says so, and answers", async () => {
    const { value: port } = await said.next();
    const connect = `tcp://127.0.0.1:${port}`;
    const configuration = {
      type: "s2sdap",
      request: "attach",
      name: "own",
      pythonDebug: true,
      connect,
      tokenFile,
    };
    const line = new vscode.Location(vscode.Uri.file(program), new vscode.Position(FORWARD - 1, 0));
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(line)]);
    assert.equal(await vscode.debug.startDebugging(folder, configuration), true);
    const verified = ({ verified }) => verified;
    await heard.until(
      ({ parentSession }, { command, body }) =>
        parentSession && command === "setBreakpoints" && body?.breakpoints.some(verified),
    );
    await heard.until(({ parentSession }, { command }) => parentSession && command === "configurationDone");
    own.stdin.write("go\n");

    const stop = await heard.until(({ parentSession }, { event }) => parentSession && event === "stopped");
    const [decode, child] = sessions;
    assert.equal(child.parentSession.id, decode.id);
    const { stackFrames } = await child.customRequest("stackTrace", { threadId: stop.threadId, levels: 1 });
    assert.equal(stackFrames[0].line, FORWARD);
    assert.match(stackFrames[0].name, /forward$/);
    assert.equal((await decode.customRequest("threads")).threads.length, 1);
    const waits = ({ id }, { event, body }) =>
      id === decode.id && event === "output" && body.output.includes("is stopped in its debugger");
    await heard.until(waits);

    const goesOn = heard.until(({ id }, { event }) => id === decode.id && event === "stopped");
    await child.customRequest("continue", { threadId: stop.threadId });
    assert.ok(await goesOn);
  });

  it("ends with the decode's session, and the program goes on", async () => {
    const exit = new Promise((resolve) => own.once("exit", resolve));
    const bothEnded = new Promise((resolve) => {
      listening.push(vscode.debug.onDidTerminateDebugSession(() => ended.length === 2 && resolve()));
    });
    await vscode.debug.stopDebugging(sessions[0]);
    assert.equal((await said.next()).value, "went on (1, 3, 5)");
    assert.equal(await exit, 0);
    await bothEnded;
    assert.deepEqual(ended.toSorted(), sessions.map(({ id }) => id).toSorted());
  });
});
