// The browser page: the panels with everything around them that an editor would bring.

import { mount } from "svelte";

import Page from "./page/Page.svelte";
import "./theme.css";

const target = document.getElementById("app");
if (target === null) throw new Error("the page has no place for the app");
mount(Page, { target });
