// Written from s2sdap/protocol by docs/generate.py: change it there, then run `make docs`.

/** No arguments. */
export interface Nothing {
}

/** `initialize`: what the client is and can do. */
export interface Initialize {
  adapterID: string;
  clientID?: string;
  clientName?: string;
  locale?: string;
  linesStartAt1?: boolean;
  columnsStartAt1?: boolean;
  pathFormat?: string;
  supportsVariableType?: boolean;
  supportsVariablePaging?: boolean;
  supportsProgressReporting?: boolean;
  supportsInvalidatedEvent?: boolean;
  supportsStartDebuggingRequest?: boolean;
}

/** A source, named by a path or, where it has none, by a reference. */
export interface SourceRef {
  name?: string;
  path?: string;
  sourceReference?: number;
}

/** A breakpoint on a line. */
export interface SourceBreakpoint {
  line: number;
  column?: number;
  condition?: string;
  hitCondition?: string;
  logMessage?: string;
}

/** `setBreakpoints`: all breakpoints of one source. */
export interface SetBreakpoints {
  source: SourceRef;
  breakpoints?: SourceBreakpoint[];
  lines?: number[];
}

/** `breakpointLocations`: where in a range of lines a breakpoint can be. */
export interface BreakpointLocations {
  source: SourceRef;
  line: number;
  column?: number;
  endLine?: number;
  endColumn?: number;
}

/** A breakpoint on a stage. */
export interface FunctionBreakpoint {
  name: string;
  condition?: string;
  hitCondition?: string;
}

/** `setFunctionBreakpoints`: all breakpoints on stages. */
export interface SetFunctionBreakpoints {
  breakpoints: FunctionBreakpoint[];
}

/** `dataBreakpointInfo`: a variable by its name in a container, or an expression. */
export interface DataBreakpointInfo {
  name: string;
  variablesReference?: number;
  frameId?: number;
  bytes?: number;
  asAddress?: boolean;
  mode?: string;
}

/** A breakpoint on a value: `data_id` is the expression that is watched. */
export interface DataBreakpointAsked {
  dataId: string;
  accessType?: string;
  condition?: string;
  hitCondition?: string;
}

/** `setDataBreakpoints`: all breakpoints on values. */
export interface SetDataBreakpoints {
  breakpoints: DataBreakpointAsked[];
}

/** A watch rule with the person's own condition. */
export interface FilterOption {
  filterId: string;
  condition?: string;
}

/** `setExceptionBreakpoints`: the watch rules that are on. */
export interface SetExceptionBreakpoints {
  filters: string[];
  filterOptions?: FilterOption[];
}

/** Requests about one hypothesis: `continue`, `pause`, `exceptionInfo` and the like. */
export interface Thread {
  threadId: number;
}

/** `next`, `stepIn`, `stepOut`, `stepBack`; at instruction granularity by stages, `stepIn` by parts. */
export interface Step {
  threadId: number;
  granularity?: string;
}

/** `stackTrace`: a page of frames; 0 levels is all. */
export interface StackTrace {
  threadId: number;
  startFrame?: number;
  levels?: number;
}

/** `scopes` of a frame. */
export interface Scopes {
  frameId: number;
}

/** `variables`: a page of children. */
export interface Variables {
  variablesReference: number;
  filter?: string;
  start?: number;
  count?: number;
}

/** `locations`: where a variable or a value is declared. */
export interface Locations {
  locationReference: number;
}

/** `gotoTargets`: where one can go to from a line. */
export interface GotoTargets {
  source: SourceRef;
  line: number;
  column?: number;
}

/** `goto` one of the targets. */
export interface Goto {
  threadId: number;
  targetId: number;
}

/** `restartFrame`: to where a frame begins. */
export interface RestartFrame {
  frameId: number;
}

/** `setVariable`: an edit. */
export interface SetVariable {
  variablesReference: number;
  name: string;
  value: string;
}

/** `setExpression`: the same for what an expression names. */
export interface SetExpression {
  expression: string;
  value: string;
  frameId?: number;
}

/** `readMemory`: bytes of a tensor. */
export interface ReadMemory {
  memoryReference: string;
  count: number;
  offset?: number;
}

/** `writeMemory`: `data`, in base64, into a tensor. All of it or none is written. */
export interface WriteMemory {
  memoryReference: string;
  data: string;
  offset?: number;
  allowPartial?: boolean;
}

/** `evaluate` an expression. */
export interface Evaluate {
  expression: string;
  frameId?: number;
  context?: string;
}

/** `completions` at a column of a text. */
export interface Completions {
  text: string;
  column: number;
  line?: number;
  frameId?: number;
}

/** `source`: the text of a source that has no file. */
export interface Source {
  sourceReference: number;
  source?: SourceRef;
}

/** `cancel` a request or what a progress report is about. */
export interface Cancel {
  requestId?: number;
  progressId?: string;
}

/** `restart`: with new launch arguments if there are any. */
export interface Restart {
  arguments?: unknown;
}

/** `disconnect` and `terminate`. */
export interface Disconnect {
  restart?: boolean;
  terminateDebuggee?: boolean;
}

/** An array: `data` is base64 of its numbers in row-major order, little-endian, of type `dtype`. */
export interface ArrayBody {
  dtype: "float16" | "float32" | "int32";
  shape: number[];
  data: string;
}

/** A `Source`: the program, as a file or as a virtual document. */
export interface SourceBody {
  name: string;
  path?: string;
  sourceReference?: number;
  origin?: string;
}

/** A `Breakpoint` as it was placed; where it was not, `message` says why. */
export interface BreakpointBody {
  verified: boolean;
  id?: number;
  message?: string;
  source?: SourceBody;
  line?: number;
  column?: number;
}

/** Answer to every request that sets breakpoints. */
export interface Breakpoints {
  breakpoints: BreakpointBody[];
}

/** Answer to `dataBreakpointInfo`; where `data_id` is null, `description` says why. */
export interface DataBreakpointInfoBody {
  dataId: string | null;
  description: string;
  accessTypes?: string[];
  canPersist?: boolean;
}

/** A place where a breakpoint can be. */
export interface LocationBody {
  line: number;
  column?: number;
  endLine?: number;
  endColumn?: number;
}

/** Answer to `breakpointLocations`. */
export interface BreakpointLocationsBody {
  breakpoints: LocationBody[];
}

/** A live hypothesis. */
export interface ThreadBody {
  id: number;
  name: string;
}

/** Answer to `threads`. */
export interface Threads {
  threads: ThreadBody[];
}

/** A `StackFrame`. */
export interface FrameBody {
  id: number;
  name: string;
  line: number;
  column: number;
  source?: SourceBody;
  endLine?: number;
  endColumn?: number;
  presentationHint?: string;
}

/** Answer to `stackTrace`; `total_frames` lets a client page. */
export interface StackTraceBody {
  stackFrames: FrameBody[];
  totalFrames: number;
}

/** A group of variables of a frame. */
export interface ScopeBody {
  name: string;
  variablesReference: number;
  expensive: boolean;
  presentationHint?: string;
  namedVariables?: number;
  indexedVariables?: number;
}

/** Answer to `scopes`. */
export interface ScopesBody {
  scopes: ScopeBody[];
}

/** How a variable may be shown. */
export interface PresentationHint {
  kind?: string;
  attributes?: string[];
}

/** A `Variable`. */
export interface VariableBody {
  name: string;
  value: string;
  variablesReference: number;
  type?: string;
  evaluateName?: string;
  namedVariables?: number;
  indexedVariables?: number;
  presentationHint?: PresentationHint;
  declarationLocationReference?: number;
  memoryReference?: string;
  __vscodeVariableMenuContext?: string;
}

/** Answer to `variables`. */
export interface VariablesBody {
  variables: VariableBody[];
}

/** Answer to `setVariable`. */
export interface SetVariableBody {
  value: string;
  type?: string;
  variablesReference?: number;
  namedVariables?: number;
  indexedVariables?: number;
}

/** Answer to `setExpression`. */
export interface SetExpressionBody {
  value: string;
  type?: string;
  variablesReference?: number;
  namedVariables?: number;
  indexedVariables?: number;
}

/** Answer to `readMemory`: `data` in base64. */
export interface ReadMemoryBody {
  address: string;
  data?: string;
  unreadableBytes?: number;
}

/** Answer to `writeMemory`. */
export interface WriteMemoryBody {
  bytesWritten: number;
}

/** Answer to `evaluate`. */
export interface EvaluateBody {
  result: string;
  variablesReference: number;
  type?: string;
  namedVariables?: number;
  indexedVariables?: number;
  valueLocationReference?: number;
}

/** Answer to `locations`: where something is declared. */
export interface LocationsBody {
  source: SourceBody;
  line: number;
  column?: number;
}

/** Arguments of the reverse request `startDebugging`. */
export interface StartDebugging {
  request: string;
  configuration: Record<string, unknown>;
}

/** One completion. */
export interface CompletionBody {
  label: string;
  text?: string;
  type?: string;
  detail?: string;
  start?: number;
  length?: number;
}

/** Answer to `completions`. */
export interface CompletionsBody {
  targets: CompletionBody[];
}

/** Answer to `source`. */
export interface SourceText {
  content: string;
  mimeType?: string;
}

/** Answer to `loadedSources`. */
export interface LoadedSources {
  sources: SourceBody[];
}

/** Answer to `continue`: all hypotheses go on together. */
export interface ContinueBody {
  allThreadsContinued?: boolean;
}

/** Numbers and traceback of a stop at a rule or a failure. */
export interface ExceptionDetails {
  message?: string;
  typeName?: string;
  stackTrace?: string;
}

/** Answer to `exceptionInfo`. */
export interface ExceptionInfoBody {
  exceptionId: string;
  breakMode: string;
  description?: string;
  details?: ExceptionDetails;
}

/** Event `stopped`. */
export interface Stopped {
  reason: string;
  description?: string;
  threadId?: number;
  text?: string;
  allThreadsStopped?: boolean;
  hitBreakpointIds?: number[];
}

/** Event `continued`. */
export interface Continued {
  threadId: number;
  allThreadsContinued?: boolean;
}

/** Event `thread`. */
export interface ThreadEvent {
  reason: string;
  threadId: number;
}

/** Event `output`. */
export interface Output {
  output: string;
  category?: string;
  source?: SourceBody;
  line?: number;
  data?: unknown;
}

/** Event `exited`. */
export interface Exited {
  exitCode: number;
}

/** Event `progressStart`. */
export interface ProgressStart {
  progressId: string;
  title: string;
  cancellable?: boolean;
  message?: string;
  percentage?: number;
}

/** Event `progressUpdate`. */
export interface ProgressUpdate {
  progressId: string;
  message?: string;
  percentage?: number;
}

/** Event `progressEnd`. */
export interface ProgressEnd {
  progressId: string;
  message?: string;
}

/** A step that one can go to. */
export interface GotoTargetBody {
  id: number;
  label: string;
  line: number;
}

/** Answer to `gotoTargets`. */
export interface GotoTargetsBody {
  targets: GotoTargetBody[];
}

/** Event `invalidated`. */
export interface Invalidated {
  areas?: string[];
  threadId?: number;
}

/** Event `breakpoint`. */
export interface BreakpointEvent {
  reason: string;
  breakpoint: BreakpointBody;
}

/** Event `loadedSource`. */
export interface LoadedSourceEvent {
  reason: string;
  source: SourceBody;
}

/** Event `capabilities`: what changed once the model was known. */
export interface Capabilities {
  capabilities: Record<string, unknown>;
}

/** `s2s/step`: one step as seen from a frame, or from a hypothesis' top frame. */
export interface StepArguments {
  frameId?: number;
  threadId?: number;
  top?: number;
}

/** A source token; `seen` is what the model reads in its place, `known` whether they agree. */
export interface SourceTokenBody {
  piece: string;
  id: number;
  seen: string;
  known: boolean;
  start?: number;
  end?: number;
}

/** A target token with its probability under the settings. */
export interface TokenBody {
  piece: string;
  id: number;
  p: number;
  logp: number;
}

/** A candidate's score after a logits processor, first `model`: before any. `None` is ruled out. */
export interface ProcessorBody {
  name: string;
  score?: number;
}

/** A continuation that search looked at. */
export interface CandidateBody {
  parent: number;
  piece: string;
  id: number;
  logp: number;
  score: number;
  lengthTerm: number;
  coverageTerm: number;
  final: number;
  fate: string;
  reason: string;
  child?: number;
  processors?: ProcessorBody[];
}

/** Answer to `s2s/step`. Fields of a stage that has not come yet, or does not exist, are absent. */
export interface StepBody {
  sentence: number;
  line: number;
  branch: number;
  step: number;
  stage: string;
  hypothesis: number;
  score: number;
  source: SourceTokenBody[];
  target: TokenBody[];
  output: string;
  token?: TokenBody;
  rank?: number;
  entropy?: number;
  margin?: number;
  top?: TokenBody[];
  attention?: number[];
  focus?: number;
  candidates?: CandidateBody[];
  edits?: string[];
}

/** `s2s/attention` of a hypothesis; without layer and head, their average. */
export interface AttentionArguments {
  frameId?: number;
  threadId?: number;
  layer?: number;
  head?: number;
}

/** Answer to `s2s/attention`: `weights` [T, S] and the pieces of both sides. */
export interface AttentionBody {
  weights: number[][];
  source: string[];
  target: string[];
  layers: number;
  heads: number;
}

/** `s2s/beam`: the search of steps `start` to `start + count`; 0 is all up to the cap. */
export interface BeamArguments {
  start?: number;
  count?: number;
}

/** A hypothesis that a step began with. */
export interface LiveBody {
  id: number;
  score: number;
  output: string;
}

/** The search of one step. */
export interface BeamStepBody {
  step: number;
  hypotheses: LiveBody[];
  candidates: CandidateBody[];
}

/** Answer to `s2s/beam`; `total` counts the steps there are. */
export interface BeamBody {
  steps: BeamStepBody[];
  total: number;
}

/** `s2s/decode`: a hypothesis up to a frame, from step `start` on, by default the last `count` steps. */
export interface DecodeArguments {
  frameId?: number;
  threadId?: number;
  start?: number;
  count?: number;
  layer?: number;
  head?: number;
  fold?: "max" | "mean" | "rollup";
  top?: number;
}

/** How sure the model was at a step: the likeliest tokens, entropy and margin; rank of the chosen one. */
export interface ColumnBody {
  step: number;
  top: TokenBody[];
  entropy: number;
  margin: number;
  rank?: number;
}

/** A step of a decode. */
export interface DecodedStepBody {
  step: number;
  token?: TokenBody;
  forced?: boolean;
  column?: ColumnBody;
  edits?: string[];
  copied?: number;
}

/** Answer to `s2s/decode`. */
export interface DecodeBody {
  sentence: number;
  line: number;
  text: string;
  branch: number;
  step: number;
  stage: string;
  stages: string[];
  hypothesis: number;
  hypotheses: number[];
  score: number;
  output: string;
  attended: SourceTokenBody[];
  start: number;
  total: number;
  steps: DecodedStepBody[];
  layers: number;
  heads: number;
  attention?: ArrayBody;
  reference?: string;
  edited?: string[];
}

/** `s2s/columns`: those of steps `start` to `start + count`, run again where they must be. */
export interface ColumnsArguments {
  frameId?: number;
  threadId?: number;
  start?: number;
  count?: number;
  top?: number;
}

/** Answer to `s2s/columns`. */
export interface ColumnsBody {
  columns: ColumnBody[];
}

/** `s2s/sentences`: a page of the program. */
export interface SentencesArguments {
  start?: number;
  count?: number;
}

/** A sentence: its index, its line from 0, and its reference; once decoded its output, or its error. */
export interface SentenceBody {
  sentence: number;
  line: number;
  text: string;
  reference?: string;
  output?: string;
  error?: string;
}

/** Answer to `s2s/sentences`; `total` counts those of the program. */
export interface SentencesBody {
  sentences: SentenceBody[];
  total: number;
}

/** Answer to `s2s/models`: the bundled models, and what other names of models may begin with. */
export interface ModelsBody {
  bundled: string[];
  default: string;
  schemes: string[];
  version: string;
}

/** `s2s/tree`: the search of steps `start` to `start + count` of the branch at the cursor; 0 is all. */
export interface TreeArguments {
  start?: number;
  count?: number;
}

/** The candidates of a step, in search's order of preference. */
export interface TreeStepBody {
  step: number;
  live: number[];
  ids: ArrayBody;
  numbers: ArrayBody;
  lengthTerm: number;
}

/** Answer to `s2s/tree`: steps up to the cursor, of `total`; `pieces` writes the tokens, by id. */
export interface TreeBody {
  sentence: number;
  branch: number;
  step: number;
  hypothesis: number;
  alive: number[];
  steps: TreeStepBody[];
  total: number;
  pieces: Record<string, string>;
  reasons: string[];
}

/** `s2s/vectors` of a `site` up to a frame, by default the decoder's state. */
export interface VectorsArguments {
  frameId?: number;
  threadId?: number;
  site?: string;
  layer?: number;
  head?: number;
  start?: number;
  count?: number;
}

/** A site that can be shown as vectors of `size` features; 0 layers or heads: it has no such axis. */
export interface ShownSiteBody {
  name: string;
  meaning: string;
  layers: number;
  heads: number;
  size: number;
}

/** What numbers look like together: `counts` are of bins of equal width from the `least` to the `most`. */
export interface SummaryBody {
  least: number;
  most: number;
  mean: number;
  deviation: number;
  counts: number[];
  odd: number;
  zero: number;
  saturated?: number;
}

/** Answer to `s2s/vectors`. */
export interface VectorsBody {
  site: string;
  sites: ShownSiteBody[];
  rows: string;
  start: number;
  total: number;
  pieces: string[];
  vectors: ArrayBody;
  summaries: SummaryBody[];
  tokens: string[];
}

/** `s2s/walk`: the step of a frame. */
export interface WalkArguments {
  frameId?: number;
  threadId?: number;
}

/** A vector by its name, with what its numbers look like. */
export interface VectorBody {
  name: string;
  vector: ArrayBody;
  summary: SummaryBody;
}

/** A part of a step: `in`, `state`, `scores`, `weights`, `context`, `together` or `features`. */
export interface WalkPartBody {
  part: string;
  vectors: VectorBody[];
}

/** The gates of a decoder layer at this step. */
export interface LayerGatesBody {
  layer: number;
  gates: VectorBody[];
}

/** Answer to `s2s/walk`: the parts of the step that have come, and a recurrent decoder's gates. */
export interface WalkBody {
  step: number;
  token: string;
  parts: WalkPartBody[];
  gates: LayerGatesBody[];
  at?: string;
}

/** `s2s/weights`: a page of the model's weight tensors. */
export interface WeightsArguments {
  start?: number;
  count?: number;
}

/** A weight tensor: what it is called, its shape, and what its numbers look like. */
export interface WeightBody {
  name: string;
  shape: number[];
  dtype: string;
  count: number;
  summary: SummaryBody;
}

/** Answer to `s2s/weights`; `parameters` counts all numbers of the model. */
export interface WeightsBody {
  weights: WeightBody[];
  total: number;
  parameters: number;
}

/** Where numbers are copied from. What it leaves out is as at the frame; `token` is of encoder sites. */
export interface CopiedFrom {
  sentence?: number;
  step?: number;
  hypothesis?: number;
  token?: number;
  neighbor?: number;
}

/** A pruned continuation: of `hypothesis` by `token`, or the candidate at that place of the step. */
export interface RevivedBody {
  hypothesis?: number;
  token?: string | number;
  candidate?: number;
}

/** `s2s/edit`: give one of the ways to edit; docs/edits.md has them all. */
export interface EditArguments {
  frameId?: number;
  threadId?: number;
  token?: string | number;
  prefix?: string | (string | number)[];
  weights?: number[];
  words?: Record<string, number>;
  position?: number;
  weight?: number;
  layer?: number;
  head?: number;
  site?: string;
  values?: number[];
  zero?: boolean;
  copy?: CopiedFrom;
  index?: (number | null)[];
  ban?: (string | number)[];
  boost?: Record<string, number>;
  prune?: number;
  revive?: RevivedBody;
  settings?: Record<string, unknown>;
  source?: string;
  edits?: (Record<string, unknown>)[];
  command?: string;
}

/** Answer to a request that edits: where the cursor stands now, and the edits that it made, in words. */
export interface EditBody {
  branch: number;
  step: number;
  hypothesis: number;
  edits?: string[];
  text?: string;
  warnings?: string[];
  moved?: boolean;
}

/** An edit in force: its number from 1, in words, and as an export has it. */
export interface ListedEdit {
  number: number;
  text: string;
  edit: Record<string, unknown>;
}

/** Answer to `s2s/edits`: those in force on the current branch. */
export interface EditsBody {
  branch: number;
  edits: ListedEdit[];
}

/** `s2s/removeEdit`: go on without the edit of that number, on a branch of its own. */
export interface RemoveEditArguments {
  number: number;
}

/** Answer to `s2s/exportEdits`: the edits in force as a text to keep, with model, source and settings. */
export interface ExportEditsBody {
  text: string;
  count: number;
}

/** `s2s/importEdits`: make the edits of an export on a clean branch of the current sentence. */
export interface ImportEditsArguments {
  text: string;
  anyway?: boolean;
}

/** `s2s/switchBranch` and `s2s/dropBranch`: a branch by its id. */
export interface BranchArguments {
  branch: number;
}

/** `s2s/nameBranch`: what to call a branch; an empty name takes it back. */
export interface NameBranchArguments {
  branch: number;
  name: string;
}

/** `s2s/goto`: a computed step of the current branch, -1 for the encoder; by default its last stage. */
export interface GotoStepArguments {
  step: number;
  stage?: string;
}

/** Answer to `s2s/goto`: where the cursor is. */
export interface GotoStepBody {
  step: number;
  stage: string;
  hypothesis: number;
}

/** A branch: `fork` is the step at which it left `parent`, `edits` those in force, a line each. */
export interface BranchBody {
  id: number;
  name: string;
  parent: number | null;
  fork: number;
  current: boolean;
  edits: string[];
  steps: number;
  output?: string;
  score?: number;
  source?: string;
  error?: string;
}

/** Answer to `s2s/branches`: those of the sentence at the cursor. */
export interface BranchesBody {
  branches: BranchBody[];
}

/** `s2s/results`: a page of what has been decoded. */
export interface ResultsArguments {
  start?: number;
  count?: number;
}

/** One finished hypothesis. */
export interface OutputBody {
  text: string;
  score: number;
  final: number;
  tokens: TokenBody[];
}

/** A sentence that has been decoded, or the reason why it was not; also the event `s2s/result`. */
export interface ResultBody {
  sentence: number;
  line: number;
  source: string;
  branch: number;
  outputs: OutputBody[];
  error?: string;
}

/** Answer to `s2s/results`. */
export interface ResultsBody {
  results: ResultBody[];
  total: number;
}

/** What to compare; with nothing named, the best output of the branch at the cursor. */
export interface SideArguments {
  branch?: number;
  sentence?: number;
  hypothesis?: number;
  model?: string;
  dtype?: string;
  revision?: string;
  trustRemoteCode?: boolean;
  search?: Record<string, unknown>;
  generation?: Record<string, unknown>;
  reference?: boolean | string;
}

/** `s2s/compare`: two sides, and which of their rows; a `count` of 0 is all up to the cap. */
export interface CompareArguments {
  left?: SideArguments;
  right?: SideArguments;
  start?: number;
  count?: number;
}

/** The other side's token in this side's distribution. Without `logp` it is ruled out. */
export interface RivalBody {
  piece: string;
  id: number;
  p: number;
  rank: number;
  logp?: number;
}

/** A step of one side; `rival` where the other side chose another token. */
export interface CellBody {
  step: number;
  token: TokenBody;
  rank: number;
  entropy: number;
  margin: number;
  rival?: RivalBody;
}

/** A step of each side that go together; after the divergence one may stand alone. */
export interface RowBody {
  same: boolean;
  left?: CellBody;
  right?: CellBody;
  attentionTv?: number;
  attentionJs?: number;
  stateL2?: number;
  stateCosine?: number;
  kl?: number;
  js?: number;
}

/** One side: what it is called, what it read and wrote, and its scores in nats. */
export interface RunBody {
  label: string;
  model: string;
  fingerprint: string;
  source: string;
  output: string;
  tokens: number;
  score: number;
  final: number;
  hypothesis: number;
  branch?: number;
}

/** Answer to `s2s/compare`. */
export interface CompareBody {
  left: RunBody;
  right: RunBody;
  same: boolean;
  sameVocabulary: boolean;
  rows: RowBody[];
  total: number;
  absent: Record<string, string>;
  divergence?: number;
  parting?: RowBody;
}

/** `s2s/reference`: of a branch or a sentence; `reference` is the text, by default the sentence's own. */
export interface ReferenceArguments {
  branch?: number;
  sentence?: number;
  reference?: string;
}

/** The step at which a reference left the beam. */
export interface FallBody {
  step: number;
  token: TokenBody;
  parent: LiveBody;
  score: number;
  rank: number;
  tokenRank: number;
  considered: number;
  reason: string;
  fate?: string;
  survivor?: LiveBody;
  gap?: number;
}

/** Answer to `s2s/reference`. */
export interface ReferenceBody {
  outcome: string;
  text: string;
  reference: string;
  tokens: TokenBody[];
  unknown: string[];
  score?: number;
  final?: number;
  output?: string;
  outputScore?: number;
  outputFinal?: number;
  fall?: FallBody;
  place?: number;
  finished?: number;
  behind?: number;
}

/** `s2s/save`: write the session to `path`, a whole path on the adapter's machine. */
export interface SaveArguments {
  path: string;
  sites?: string | string[];
}

/** Answer to `s2s/save`: the file, its bytes, and how many sentences and steps it holds. */
export interface SaveBody {
  path: string;
  size: number;
  sentences: number;
  steps: number;
}

/** `s2s/replay`: run a recording again with a model, and say where it differs. */
export interface ReplayArguments {
  path?: string;
  model?: string;
}

/** A difference at a step, -1 for reading the source. */
export interface DifferenceBody {
  step: number;
  kind: string;
  name: string;
  text: string;
  recorded?: string;
  replayed?: string;
  largest?: number;
}

/** A branch run again: the steps that were compared, and the first difference. */
export interface BranchReplayBody {
  sentence: number;
  branch: number;
  name: string;
  steps: number;
  text: string;
  first?: DifferenceBody;
  parted?: DifferenceBody;
  widest?: Record<string, number | null>;
  recorded?: string;
  replayed?: string;
}

/** Answer to `s2s/replay`: is it the same model, by its hash, and is every bit the same? */
export interface ReplayBody {
  sameModel: boolean;
  identical: boolean;
  recordedModel: string;
  recordedFingerprint: string;
  model: string;
  fingerprint: string;
  text: string;
  branches: BranchReplayBody[];
}

/** Answer to `s2s/state`. */
export interface StateBody {
  phase: string;
  launch: Record<string, unknown>;
  results: number;
  stopped?: Stopped;
  source?: SourceBody;
  model?: string;
}

/** `s2s/verdict`: of a sentence (an index, by default the one at the cursor) on its current branch. */
export interface VerdictArguments {
  sentence?: number;
  step?: number;
  wanted?: string | number;
  reference?: string;
  limit?: number;
}

/** One experiment: what was measured, told in `text`. */
export interface ExperimentBody {
  stage: string;
  name: string;
  text: string;
  numbers: Record<string, number>;
  repaired: boolean;
  blames: boolean;
  edits: (Record<string, unknown>)[];
}

/** An experiment that could not be made, and why. */
export interface AbsentBody {
  stage: string;
  name: string;
  reason: string;
}

/** Answer to `s2s/verdict`. */
export interface VerdictBody {
  step: number;
  wanted: string;
  whole: boolean;
  text: string;
  experiments: ExperimentBody[];
  absent: AbsentBody[];
  edits: (Record<string, unknown>)[];
  editTexts: string[];
  ties: string[];
  output: string;
  repairedOutput: string;
  stepsRun: number;
  wrong?: string;
  stage?: string;
}

/** `s2s/neighbors` of the tensor on show at a place, edits included. */
export interface NeighborsArguments {
  site?: string;
  layer?: number;
  position?: number;
  frameId?: number;
  threadId?: number;
  sentence?: number;
  branch?: number;
  step?: number;
  hypothesis?: number;
  k?: number;
  metric?: string;
  kind?: string;
  token?: string | number;
  right?: boolean;
  sentences?: number[];
  others?: boolean;
  start?: number;
  count?: number;
}

/** A token: how it is written, and its id. */
export interface PieceBody {
  piece: string;
  id: number;
}

/** A training state: the token it belongs to, the sentence that it is of, and how far it is. */
export interface NeighborBody {
  number: number;
  row: number;
  sentence: number;
  position: number;
  distance: number;
  side: string;
  token: PieceBody;
  source: string;
  target?: string;
  before?: string;
  after?: string;
  start?: number;
  end?: number;
  predicted?: PieceBody;
  right?: boolean;
  file?: string;
  line?: number;
}

/** A token that neighbours have: how many, and the probability that they give it. */
export interface NeighborTokenBody {
  piece: string;
  id: number;
  count: number;
  p: number;
  model?: number;
}

/** What the neighbours say together. */
export interface NeighborsSummaryBody {
  found: number;
  temperature: number;
  tokens: NeighborTokenBody[];
  purity?: number;
  agreement?: number;
  right?: number;
  nearest?: number;
  percentile?: number;
}

/** Answer to `s2s/neighbors`. */
export interface NeighborsBody {
  site: string;
  position: number | null;
  sentence: number;
  branch: number;
  step: number;
  hypothesis: number;
  text: string;
  index: string;
  states: number;
  metric: string;
  kind: string;
  why: string;
  how: string;
  exact: boolean;
  total: number;
  neighbors: NeighborBody[];
  summary: NeighborsSummaryBody;
  recall?: number;
}

/** `s2s/nearestTokens`: the tokens that the model takes for alike, by embedding. It needs no index. */
export interface NearestTokensArguments {
  side?: string;
  word?: string;
  token?: number;
  position?: number;
  k?: number;
  metric?: string;
  frameId?: number;
  threadId?: number;
}

/** A token near to a word: `text` is how it is written in one, without the mark of a word's beginning. */
export interface NearTokenBody {
  piece: string;
  id: number;
  text: string;
  similarity: number;
  distance: number;
}

/** Answer to `s2s/nearestTokens`. */
export interface NearestTokensBody {
  word: string;
  side: string;
  means: string;
  metric: string;
  pieces: PieceBody[];
  unknown: string[];
  near: NearTokenBody[];
}

/** `s2s/projection`: the states of the hypothesis at the cursor, up to it, and the `k` nearest of each. */
export interface ProjectionArguments {
  method?: string;
  sites?: string[];
  seed?: number;
  k?: number;
  space?: string;
  left?: SideArguments;
  right?: SideArguments;
  id?: number;
  wait?: boolean;
}

/** A point: a state of a decode (`side` left or right), or a training state near to one (neighbor). */
export interface PointBody {
  side: string;
  x: number;
  y: number;
  position: number;
  piece: string;
  row?: number;
  sentence?: number;
  near?: number;
  distance?: number;
}

/** The picture of a site: its points, trajectories in order, and how far it can be believed. */
export interface PictureBody {
  site: string;
  method: string;
  points: PointBody[];
  k: number;
  neighbors: number;
  refitted: boolean;
  leftOut: number;
  steps: number;
  done: boolean;
  trustworthiness?: number;
  explained?: number[];
  divergence?: number;
  moved?: number;
  movedMost?: number;
}

/** Answer to `s2s/projection`, and the event `s2s/projected`: the pictures, and whether they are done. */
export interface ProjectionBody {
  id: number;
  seed: number;
  space: string;
  done: boolean;
  pictures: PictureBody[];
}

/** Answer to `s2s/python`: where debugpy listens, on loopback; whoever connects there can run any code. */
export interface PythonBody {
  host: string;
  port: number;
  asked: boolean;
}

/** Our own requests: what they take and what they answer. */
export interface CustomRequests {
  "s2s/step": { arguments: StepArguments; body: StepBody };
  "s2s/attention": { arguments: AttentionArguments; body: AttentionBody };
  "s2s/beam": { arguments: BeamArguments; body: BeamBody };
  "s2s/decode": { arguments: DecodeArguments; body: DecodeBody };
  "s2s/columns": { arguments: ColumnsArguments; body: ColumnsBody };
  "s2s/sentences": { arguments: SentencesArguments; body: SentencesBody };
  "s2s/models": { arguments: Nothing; body: ModelsBody };
  "s2s/tree": { arguments: TreeArguments; body: TreeBody };
  "s2s/vectors": { arguments: VectorsArguments; body: VectorsBody };
  "s2s/walk": { arguments: WalkArguments; body: WalkBody };
  "s2s/weights": { arguments: WeightsArguments; body: WeightsBody };
  "s2s/edit": { arguments: EditArguments; body: EditBody };
  "s2s/edits": { arguments: Nothing; body: EditsBody };
  "s2s/removeEdit": { arguments: RemoveEditArguments; body: EditBody };
  "s2s/exportEdits": { arguments: Nothing; body: ExportEditsBody };
  "s2s/importEdits": { arguments: ImportEditsArguments; body: EditBody };
  "s2s/branches": { arguments: Nothing; body: BranchesBody };
  "s2s/switchBranch": { arguments: BranchArguments; body: EditBody };
  "s2s/nameBranch": { arguments: NameBranchArguments; body: BranchesBody };
  "s2s/dropBranch": { arguments: BranchArguments; body: BranchesBody };
  "s2s/undo": { arguments: Nothing; body: EditBody };
  "s2s/redo": { arguments: Nothing; body: EditBody };
  "s2s/goto": { arguments: GotoStepArguments; body: GotoStepBody };
  "s2s/results": { arguments: ResultsArguments; body: ResultsBody };
  "s2s/compare": { arguments: CompareArguments; body: CompareBody };
  "s2s/reference": { arguments: ReferenceArguments; body: ReferenceBody };
  "s2s/save": { arguments: SaveArguments; body: SaveBody };
  "s2s/replay": { arguments: ReplayArguments; body: ReplayBody };
  "s2s/state": { arguments: Nothing; body: StateBody };
  "s2s/verdict": { arguments: VerdictArguments; body: VerdictBody };
  "s2s/neighbors": { arguments: NeighborsArguments; body: NeighborsBody };
  "s2s/nearestTokens": { arguments: NearestTokensArguments; body: NearestTokensBody };
  "s2s/projection": { arguments: ProjectionArguments; body: ProjectionBody };
  "s2s/python": { arguments: Nothing; body: PythonBody };
}

/** Our own events. */
export interface CustomEvents {
  "s2s/result": ResultBody;
  "s2s/projected": ProjectionBody;
}
