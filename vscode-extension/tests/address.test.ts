import { expect, test } from "vitest";

import { addressOf, written } from "../src/launch/address";

test.each([
  [5680, "tcp://127.0.0.1:5680"],
  ["5680", "tcp://127.0.0.1:5680"],
  ["localhost:5680", "tcp://localhost:5680"],
  ["tcp://127.0.0.1:5680", "tcp://127.0.0.1:5680"],
  ["tcp://[::1]:5680/", "tcp://::1:5680"],
  [{ port: 5680 }, "tcp://127.0.0.1:5680"],
  [{ host: "localhost", port: "5680" }, "tcp://localhost:5680"],
  [" ws://127.0.0.1:5681 ", "ws://127.0.0.1:5681/"],
])("an address as it is written: %j", (given, read) => {
  expect(written(addressOf(given))).toBe(read);
});

test.each(["", "nowhere", "tcp://127.0.0.1", 0, 70_000, { host: "localhost" }, null])("none: %j", (given) => {
  expect(() => addressOf(given)).toThrow(/is no address|Invalid URL/);
});
