// A session in a file: the panels over what was recorded beside them.

import { mount } from "svelte";

import { fromRecording, type Recording } from "./connection/recorded";
import Recorded from "./page/Recorded.svelte";
import { DebugSession } from "./session/session.svelte";
import "./theme.css";

const target = document.getElementById("app");
const written = document.getElementById("recording")?.textContent;
if (target === null || !written) throw new Error("the file has no recording in it");
const recording = JSON.parse(written) as Recording;
const session = new DebugSession(fromRecording(recording), true, recording);
session.transcript.entries = recording.transcript;
await session.initialize();
await session.resume();
mount(Recorded, { target, props: { session, recording } });
