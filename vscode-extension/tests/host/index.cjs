// What VS Code runs in its extension host: all tests in this folder, by Mocha. The last line says how many passed.
"use strict";

const { readdirSync } = require("node:fs");
const { join } = require("node:path");
const { format } = require("node:util");

const Mocha = require("mocha");

/** Resolves where all passed; VS Code closes the window with the outcome. */
exports.run = () => {
  // What carries lines to the page that looks on fills nothing in.
  Mocha.reporters.Base.consoleLog = (...told) => console.log(format(...told));
  const mocha = new Mocha({ ui: "bdd", timeout: 60_000, reporter: "spec" });
  for (const name of readdirSync(__dirname))
    if (name.endsWith(".test.cjs")) mocha.addFile(join(__dirname, name));
  return new Promise((resolve, reject) => {
    const runner = mocha.run((failed) => {
      console.log(`${runner.stats?.passes ?? 0} passed, ${failed} failed`);
      if (failed > 0) reject(new Error(`${failed} failed`));
      else resolve();
    });
  });
};
