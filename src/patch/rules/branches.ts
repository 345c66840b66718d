/**
 * Rules about calls in changed functions that the kernel rewrites while it runs: they have entries in tables of the module,
 * which a livepatch brings along in part.
 */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import { callsIn, firstWord } from '../c-groups.js';
import type { Scene, SourceRule } from './scene.js';

export const branchRules: readonly SourceRule[] = [staticKeys, staticCalls, tracepoints, dynamicDebug];

const STATIC_BRANCH: ReadonlySet<string> = new Set([
  ...['static_branch_likely', 'static_branch_unlikely', 'static_branch_maybe'],
  ...['static_key_true', 'static_key_false'],
]);

/** A key that is asked by `static_key_enabled()` is plain data and no trouble. */
function staticKeys(scene: Scene): Diagnostic[] {
  return keysUsed(scene, STATIC_BRANCH, /^(DEFINE_STATIC_KEY|DECLARE_STATIC_KEY_NOT)/, 'static-key-touched');
}

const STATIC_CALL: ReadonlySet<string> = new Set(['static_call', 'static_call_cond', 'static_call_mod']);

function staticCalls(scene: Scene): Diagnostic[] {
  return keysUsed(scene, STATIC_CALL, /^DEFINE_STATIC_CALL/, 'static-call-touched');
}

/**
 * What is linked into vmlinux and nothing else uses keys of vmlinux, and the kernel knows where those are before it reads the
 * tables of a livepatch.
 */
function mayUseModuleKeys(scene: Scene): Scene['functions'] {
  const isBuiltIn = (file: string) => {
    const modules = scene.modules.get(file) ?? [];
    return modules.length > 0 && modules.every((module) => module === 'vmlinux');
  };
  return scene.functions.filter(({ place }) => !isBuiltIn(place.file));
}

function keysUsed(
  scene: Scene,
  users: ReadonlySet<string>,
  definition: RegExp,
  code: 'static-key-touched' | 'static-call-touched',
): Diagnostic[] {
  return mayUseModuleKeys(scene).flatMap(({ change, patched, place }) => {
    const own = change.patched.items.filter(({ macro = '' }) => definition.test(macro));
    const keys = callsIn(patched.body, (name) => users.has(name)).map((call) => firstWord(call.arguments[0] ?? []));
    return [...new Set(keys)].map((key) =>
      own.some(({ name }) => name === key)
        ? diagnose(code, { ...place, key })
        : diagnose(code, { ...place, key, cannotTell: 'here whether a module defines it' }),
    );
  });
}

/** `trace_printk` and its like write by themselves; `trace_mad_send_enabled()` branches on the same key as the event. */
function tracepoints(scene: Scene): Diagnostic[] {
  const isTracepoint = (name: string) =>
    /^trace_\w+$/.test(name) && !/^trace_(printk|puts|array_\w+|seq_\w+|dump_stack|clock\w*)$/.test(name);
  return mayUseModuleKeys(scene).flatMap(({ change, patched, place }) => {
    // A function of the file may be called so.
    const own = new Set(change.patched.items.filter(({ kind }) => kind === 'function').map(({ name }) => name));
    const names = callsIn(patched.body, isTracepoint).map(({ name }) => name);
    return [...new Set(names)]
      .filter((name) => !own.has(name))
      .map((tracepoint) => diagnose('tracepoint-touched', { ...place, tracepoint }));
  });
}

/** By include/linux/printk.h, dev_printk.h and netdevice.h: `pr_debug`, `dev_dbg`, `netdev_dbg_once`. */
const DEBUG_PRINT =
  /^(pr_debug|dynamic_pr_debug|print_hex_dump_(debug|bytes)|(dev|netdev|pci|hid|net)_dbg)(_once|_ratelimited)?$/;

/** One finding a file: drivers have such messages everywhere. Without CONFIG_DYNAMIC_DEBUG they are nothing, or printk(). */
function dynamicDebug({ changes, functions, config }: Scene): Diagnostic[] {
  if (!config.isOn('CONFIG_DYNAMIC_DEBUG')) return [];
  return changes.flatMap((change) => {
    const users = functions.filter(
      ({ patched, ...candidate }) =>
        candidate.change === change && callsIn(patched.body, (name) => DEBUG_PRINT.test(name)).length > 0,
    );
    const [first] = users;
    if (first === undefined) return [];
    const names = users.map(({ patched }) => patched.name);
    return [diagnose('dynamic-debug-touched', { file: change.path, line: first.place.line, functions: names })];
  });
}
