// The extension: a debugger for the decode of sequence-to-sequence models. Everything is registered here.

import * as vscode from "vscode";

import { TYPE } from "./launch/completing";
import { exits } from "./launch/exits";
import { AdapterFactory } from "./launch/factory";
import { ConfigurationProvider, dynamicConfigurations } from "./launch/provider";

export function activate(context: vscode.ExtensionContext): void {
  context.subscriptions.push(
    vscode.debug.registerDebugConfigurationProvider(TYPE, new ConfigurationProvider(context.workspaceState)),
    vscode.debug.registerDebugConfigurationProvider(
      TYPE,
      dynamicConfigurations,
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, new AdapterFactory()),
    vscode.debug.registerDebugAdapterTrackerFactory(TYPE, exits),
  );
}
