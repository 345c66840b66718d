/**
 * Holds a patch against the rules that its source alone can tell (`diagnostics/source-rules.ts`). Each rule is a function
 * of its own in the table below. What only the compiler can know, a rule leaves to the build.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { KernelConfig } from '../kernel/config.js';
import { type Item, isPunctuator } from './c-outline.js';
import { type Token, textOf } from './c-tokens.js';
import { isSwitchedOff } from './conditions.js';
import { compareSources, type SourceChange, type SourceTexts, staticLocals, touchedItems } from './source-change.js';

export interface PatchedTexts {
  /** By path in the tree, every file that the patches touch. */
  readonly texts: ReadonlyMap<string, SourceTexts>;
  /** The target's. */
  readonly config: KernelConfig;
}

interface Scene {
  readonly files: readonly string[];
  /** The C files and headers among them. */
  readonly changes: readonly SourceChange[];
  readonly config: KernelConfig;
}

type SourceRule = (scene: Scene) => Diagnostic[];

/** What the patch breaks, in the order of this list and of the files. Throws nothing. */
const RULES: readonly SourceRule[] = [
  bootCode,
  patchingCore,
  buildFiles,
  initFunctions,
  initialValues,
  staticLocalsDropped,
  addedExports,
  includesBesideExports,
  staticKeys,
  tracepoints,
  switchedOff,
  longSleepers,
  callbackPairs,
  shadowVariables,
];

/** The findings of all rules, each with its default severity. Throws nothing. */
export function checkSourceRules({ texts, config }: PatchedTexts): Diagnostic[] {
  const files = [...texts.keys()];
  const changes = [...texts]
    .filter(([file]) => /\.[ch]$/.test(file))
    .map(([file, sides]) => compareSources(file, sides));
  const scene = { files, changes, config };
  return RULES.flatMap((rule) => rule(scene));
}

interface ChangedFunction {
  readonly change: SourceChange;
  /** As patched. */
  readonly item: Item;
  /** What every finding about it names. */
  readonly place: { readonly file: string; readonly line: number; readonly functionName: string };
}

/** The functions that the patch changes and that this kernel has. */
function changedFunctions({ changes, config }: Scene): ChangedFunction[] {
  return changes.flatMap((change) => {
    const items = change.changed.map(({ patched }) => patched);
    return items
      .filter(({ kind, conditions }) => kind === 'function' && !isSwitchedOff(conditions, config))
      .map((item) => ({ change, item, place: { ...placeOf(change, item), functionName: item.name } }));
  });
}

/** Files that are linked into something else than the kernel or a module. */
function bootCode({ files }: Scene): Diagnostic[] {
  const pattern =
    /^arch\/\w+\/(boot|purgatory|realmode)\/|(^|\/)vdso(32|64)?\/|^arch\/x86\/(um|platform\/pvh)\/|^drivers\/firmware\/efi\/libstub\//;
  return files.filter((file) => pattern.test(file)).map((file) => diagnose('boot-code-touched', { file }));
}

function patchingCore({ files }: Scene): Diagnostic[] {
  const pattern = /^kernel\/(livepatch\/|trace\/ftrace|kprobes\.c)|^arch\/\w+\/kernel\/(ftrace|livepatch|kprobes)/;
  return files.filter((file) => pattern.test(file)).map((file) => diagnose('patching-core-touched', { file }));
}

/** A `Makefile` that gets an object of a source which the patch adds is as it should be. */
function buildFiles({ files, changes }: Scene): Diagnostic[] {
  const addsSource = changes.some(({ original }) => original.items.length === 0);
  return files
    .filter((file) => /(^|\/)(Kconfig[^/]*|Makefile|Kbuild)$/.test(file) && !(addsSource && !file.includes('Kconfig')))
    .map((file) => diagnose('build-file-touched', { file }));
}

/** `__exit` functions are `notrace`, and gone where nothing can be unloaded (include/linux/init.h). */
const ONCE_ONLY: ReadonlySet<string> = new Set(['__init', '__exit']);

function initFunctions(scene: Scene): Diagnostic[] {
  return changedFunctions(scene).flatMap(({ item, place }) => {
    const mark = item.head.find(({ text }) => ONCE_ONLY.has(text))?.text;
    return mark === undefined ? [] : [diagnose('init-function-touched', { ...place, mark })];
  });
}

/** Both sides have an initial value, and it differs; data that goes away with its value, or is new, does no harm. */
function initialValues({ changes }: Scene): Diagnostic[] {
  return changes.flatMap((change) =>
    change.changed.flatMap(({ original, patched }) => {
      if (patched.kind !== 'variable' || textOf(original.body) === textOf(patched.body)) return [];
      return [diagnose('initial-value-touched', { ...placeOf(change, patched), variable: patched.name })];
    }),
  );
}

function staticLocalsDropped({ changes }: Scene): Diagnostic[] {
  return changes.flatMap((change) =>
    change.changed.flatMap(({ original, patched }) => {
      if (patched.kind !== 'function') return [];
      const kept = new Set(staticLocals(patched).map(({ name }) => name));
      return staticLocals(original)
        .filter(({ name }) => !kept.has(name))
        .map(({ name, line }) =>
          diagnose('static-local-dropped', { file: change.path, line, variable: name, functionName: patched.name }),
        );
    }),
  );
}

const isExport = ({ kind, macro = '' }: Item) => kind === 'macro-call' && /^EXPORT_\w*SYMBOL/.test(macro);

function addedExports({ changes }: Scene): Diagnostic[] {
  const symbols = changes.flatMap(({ added }) => added.filter(isExport).map(({ name }) => name));
  return symbols.length === 0 ? [] : [diagnose('export-added', { symbols })];
}

/** kptool's own header completes no type that a file of the kernel would not know. */
function includesBesideExports({ changes, config }: Scene): Diagnostic[] {
  return changes.flatMap((change) => {
    const exports = change.original.items.filter(isExport).length;
    if (exports === 0) return [];
    return change.addedDirectives
      .filter(({ text }) => text.startsWith('#include') && !text.includes('kpatch-macros.h'))
      .filter(({ conditions }) => !conditions.some(isOutOfSight) && !isSwitchedOff(conditions, config))
      .map(({ text, line }) => diagnose('include-beside-exports', { file: change.path, line, include: text, exports }));
  });
}

/** genksyms defines it while it computes checksums (scripts/Makefile.build, cmd_gensymtypes). */
function isOutOfSight(condition: string): boolean {
  return /^#(ifndef __GENKSYMS__|if !defined\(__GENKSYMS__\)|else of #ifdef __GENKSYMS__)$/.test(condition);
}

const STATIC_BRANCH: ReadonlySet<string> = new Set([
  ...['static_branch_likely', 'static_branch_unlikely', 'static_branch_maybe'],
  ...['static_key_true', 'static_key_false'],
]);

/** A key that is asked by `static_key_enabled()` is plain data and no trouble. */
function staticKeys(scene: Scene): Diagnostic[] {
  return changedFunctions(scene).flatMap(({ change, item, place }) => {
    const own = change.patched.items.filter(({ macro = '' }) => /^DEFINE_STATIC_KEY/.test(macro));
    const keys = callsIn(item.body, (name) => STATIC_BRANCH.has(name)).map(({ argument }) => argument);
    return [...new Set(keys)].map((key) => {
      const isOwn = own.some(({ name }) => name === key);
      return diagnose('static-key-touched', { ...place, key, isOwn });
    });
  });
}

/** `trace_printk` and its like write by themselves; `trace_mad_send_enabled()` branches on the same key as the event. */
function tracepoints(scene: Scene): Diagnostic[] {
  const isTracepoint = (name: string) =>
    /^trace_\w+$/.test(name) && !/^trace_(printk|puts|array_\w+|seq_\w+|dump_stack|clock\w*)$/.test(name);
  return changedFunctions(scene).flatMap(({ item, place }) => {
    const names = callsIn(item.body, isTracepoint).map(({ name }) => name);
    return [...new Set(names)].map((tracepoint) => diagnose('tracepoint-touched', { ...place, tracepoint }));
  });
}

function switchedOff({ changes, config }: Scene): Diagnostic[] {
  return changes.flatMap((change) =>
    touchedItems(change).flatMap((item) => {
      const condition = item.conditions.find((text) => isSwitchedOff([text], config));
      if (condition === undefined || item.name === '') return [];
      return [diagnose('code-switched-off', { ...placeOf(change, item), name: item.name, condition })];
    }),
  );
}

/** Where nearly every system has tasks asleep at any time. */
const WAITING_ROOMS: ReadonlySet<string> = new Set([
  ...['schedule', '__schedule', 'schedule_timeout', 'do_nanosleep', 'do_wait', 'do_futex', 'futex_wait'],
  ...[
    'worker_thread',
    'kthread',
    'do_sys_poll',
    'do_select',
    'ep_poll',
    'do_epoll_wait',
    'do_exit',
    'kernel_clone',
    'rcu_gp_kthread',
  ],
]);

function longSleepers(scene: Scene): Diagnostic[] {
  return changedFunctions(scene).flatMap(({ item, place }) => {
    const because = whyAlwaysOnAStack(item);
    return because === undefined ? [] : [diagnose('long-sleeper-touched', { ...place, because })];
  });
}

/**
 * 1. The functions in which tasks are known to wait: `do_sys_poll`.
 * 2. The main function of a kernel thread: it loops until `kthread_should_stop()`.
 */
function whyAlwaysOnAStack({ name, body }: Item): string | undefined {
  if (WAITING_ROOMS.has(name)) return 'in which some task always waits';
  return calls(body, /^kthread_should_stop$/) ? 'the main loop of a kernel thread' : undefined;
}

/** What is done before, or after, patching is undone after, or before, unpatching (Documentation/livepatch/callbacks.rst). */
const COUNTERPARTS: readonly (readonly [string, string])[] = [
  ['KPATCH_PRE_PATCH_CALLBACK', 'KPATCH_POST_UNPATCH_CALLBACK'],
  ['KPATCH_POST_PATCH_CALLBACK', 'KPATCH_PRE_UNPATCH_CALLBACK'],
];

/** A module's callbacks may stand in any of its files, so that all files of the patch are searched for the counterpart. */
function callbackPairs({ changes }: Scene): Diagnostic[] {
  const given = new Set(changes.flatMap(({ patched }) => patched.items.map(({ macro }) => macro)));
  return changes.flatMap((change) =>
    COUNTERPARTS.flatMap(([macro, missing]) => {
      const item = change.patched.items.find((candidate) => candidate.macro === macro);
      return item === undefined || given.has(missing)
        ? []
        : [diagnose('callback-unpaired', { ...placeOf(change, item), macro, missing })];
    }),
  );
}

/** Looked for in all files of the patch: one function allocates, a callback in another file may free. */
function shadowVariables({ changes }: Scene): Diagnostic[] {
  const touched = changes.flatMap((change) => touchedItems(change).map((item) => ({ change, item })));
  if (touched.some(({ item }) => calls(item.body, /^klp_shadow_free(_all)?$/))) return [];
  return touched
    .filter(({ item }) => calls(item.body, /^klp_shadow_(alloc|get_or_alloc)$/))
    .map(({ change, item }) => diagnose('shadow-variable-kept', { ...placeOf(change, item), functionName: item.name }));
}

function calls(body: readonly Token[], pattern: RegExp): boolean {
  return callsIn(body, (name) => pattern.test(name)).length > 0;
}

interface Call {
  readonly name: string;
  /** The first word of its first argument: `key` of `&key`. */
  readonly argument: string;
}

function callsIn(body: readonly Token[], isWanted: (name: string) => boolean): Call[] {
  return body.flatMap((token, at) => {
    if (token.kind !== 'word' || !isPunctuator(body[at + 1], '(') || !isWanted(token.text)) return [];
    const argument = body.slice(at + 2, at + 8).find(({ kind }) => kind === 'word')?.text ?? '';
    return [{ name: token.text, argument }];
  });
}

function placeOf(change: SourceChange, { line }: Item): { file: string; line: number } {
  return { file: change.path, line };
}
