/**
 * A session of the npm client `@vscode/debugadapter-testsupport` with this project's adapter.
 *
 * Usage: node session.mjs CLIENT PORT TOKEN_FILE PROGRAM, where CLIENT is the folder of the installed
 * package. Prints one line a check and in the end `N passed, N failed`.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [client, port, tokenFile, program] = process.argv.slice(2);
const { DebugClient } = createRequire(import.meta.url)(client);
const token = readFileSync(tokenFile, "utf8");
let passed = 0;
let failed = 0;

async function check(name, run) {
  const adapter = new DebugClient("", "", "s2sdap");
  try {
    await adapter.start(Number(port));
    await run(adapter);
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}: ${error.stack ?? error}`);
  } finally {
    await adapter.stop();
  }
}

const launch = (adapter, more = {}) =>
  Promise.all([adapter.configurationSequence(), adapter.launch({ program, token, ...more })]);

await check("an unknown request is refused", async (adapter) => {
  await adapter.initializeRequest();
  await assert.rejects(adapter.send("illegalRequest"), /illegalRequest/);
});

await check("initialize promises what it does", async (adapter) => {
  const { body } = await adapter.initializeRequest();
  assert.equal(body.supportsConfigurationDoneRequest, true);
});

await check("runs to the end", async (adapter) => {
  await Promise.all([launch(adapter, { stopOnEntry: false }), adapter.waitForEvent("terminated")]);
});

await check("stops on entry", async (adapter) => {
  await Promise.all([launch(adapter), adapter.assertStoppedLocation("entry", { path: program, line: 1 })]);
});

await check("stops at a breakpoint", async (adapter) => {
  await adapter.hitBreakpoint({ program, token, stopOnEntry: false }, { path: program, line: 2 });
});

await check("a breakpoint on an empty line moves", async (adapter) => {
  const place = { path: program, line: 3 };
  const moved = { path: program, line: 4, verified: true };
  await adapter.hitBreakpoint({ program, token, stopOnEntry: false }, place, { path: program, line: 4 }, moved);
});

await check("what was decoded comes as output", async (adapter) => {
  await Promise.all([launch(adapter, { stopOnEntry: false }), adapter.assertOutput("stdout", "1999-03-03\n")]);
});

await check("steps and looks around", async (adapter) => {
  await Promise.all([launch(adapter), adapter.waitForEvent("stopped")]);
  await Promise.all([adapter.nextRequest({ threadId: 1 }), adapter.waitForEvent("stopped")]);
  const { body } = await adapter.stackTraceRequest({ threadId: 1 });
  assert.equal(body.stackFrames.length, 2);
  const scopes = await adapter.scopesRequest({ frameId: body.stackFrames[0].id });
  const { variablesReference } = scopes.body.scopes[0];
  const variables = await adapter.variablesRequest({ variablesReference });
  assert.ok(variables.body.variables.length > 3);
  const value = await adapter.evaluateRequest({ expression: "token", context: "hover" });
  assert.equal(value.body.result, "'1'");
});

console.log(`${passed} passed, ${failed} failed`);
