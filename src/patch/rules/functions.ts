/** Rules about which functions a patch changes: whether ftrace can redirect them, and whether tasks ever leave them. */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import { calls, isPunctuator, mentions } from '../c-groups.js';
import type { Item, Outline } from '../c-outline.js';
import { isSwitchedOff } from '../conditions.js';
import { isExport } from './exports.js';
import { type Doubt, placeOf, type Scene, type SourceRule } from './scene.js';

export const functionRules: readonly SourceRule[] = [
  untraceable,
  kprobeBlacklist,
  systemCalls,
  linkage,
  removedFunctions,
  longSleepers,
];

interface Untraceable extends Doubt {
  readonly mark: string;
}

/**
 * Why a function has no ftrace entry, and cannot do without (include/linux/compiler_types.h):
 *
 * 1. `noinstr` functions lie in a section of their own. Entry points that a macro makes are such, with the author's code
 *    inlined.
 * 2. `notrace` functions that are not static may be called by anybody. `inline` says `notrace` as well.
 * 3. Static ones, and `inline` ones that the compiler did not inline, go along with their callers: unless one of these has no
 *    ftrace entry itself and stays, or somebody has the address. An ordinary static function may become part of such a
 *    caller, as `load` of `inline int find(void) { return load(); }`.
 */
function whyUntraceable(item: Item, outline: Outline, file: string): Untraceable | undefined {
  const noinstr = headWord(item, /^(noinstr|__noinstr_section|__cpuidle)$/);
  if (noinstr !== undefined) return { mark: `is ${noinstr}` };
  if (/^DEFINE_(IDTENTRY|FREDENTRY|INTERRUPT_HANDLER)/.test(item.macro ?? '')) {
    return { mark: `is made by ${item.macro}`, cannotTell: 'here what the compiler inlines' };
  }
  if (file.endsWith('.h') || headWord(item, /^extern$/) !== undefined) return undefined;
  const mark = headWord(item, UNTRACED);
  const isStatic = headWord(item, /^static$/) !== undefined;
  if (!isStatic) return mark === undefined ? undefined : { mark: `is ${mark} and not static` };
  const obstacle =
    mark !== undefined || isCalledOnce(item, outline) ? whyNotCarried(item, outline, new Set()) : undefined;
  if (obstacle === undefined) return undefined;
  const cannotTell = 'here what the compiler inlines';
  return { mark: mark === undefined ? obstacle : `is ${mark}, and ${obstacle}`, cannotTell };
}

const UNTRACED = /^(notrace|no_instrument_function|__no_instrument_function__|inline)$/;

const usersOf = ({ name }: Item, { items }: Outline) =>
  items.filter((item) => item.name !== name && item.kind !== 'declaration' && mentions(item.body, name));

const isCalledOnce = (item: Item, outline: Outline) => usersOf(item, outline).length === 1;

/** What of the file keeps the callers from bringing a static function along. */
function whyNotCarried(item: Item, outline: Outline, asked: Set<string>): string | undefined {
  asked.add(item.name);
  for (const user of usersOf(item, outline)) {
    if (asked.has(user.name)) continue;
    const isTraced = headWord(item, UNTRACED) === undefined;
    if (user.kind === 'variable' && !isTraced) return `${user.name} has its address`;
    if (user.kind !== 'function') continue;
    const mark = headWord(user, UNTRACED);
    const isStatic = headWord(user, /^static$/) !== undefined;
    if (!isStatic && mark !== undefined) return `may become part of ${user.name}, which is ${mark} and not static`;
    const goesFurther = isStatic && (mark !== undefined || isCalledOnce(user, outline));
    const further = goesFurther ? whyNotCarried(user, outline, asked) : undefined;
    if (further !== undefined) return further;
  }
  return undefined;
}

function headWord({ head }: Item, pattern: RegExp): string | undefined {
  return head.find(({ text }) => pattern.test(text))?.text;
}

function untraceable({ functions }: Scene): Diagnostic[] {
  return functions.flatMap(({ change, patched, place, doubt }) => {
    const found = whyUntraceable(patched, change.patched, change.path);
    return found === undefined ? [] : [diagnose('untraceable-function-touched', { ...doubt, ...found, ...place })];
  });
}

/** `NOKPROBE_SYMBOL(mad_fault)` in the file, or `__kprobes` in the definition (include/asm-generic/kprobes.h). */
function kprobeBlacklist({ functions }: Scene): Diagnostic[] {
  return functions.flatMap(({ change, patched, place }) => {
    const isListed = change.patched.items.some(
      ({ macro, name }) => macro === 'NOKPROBE_SYMBOL' && name === patched.name,
    );
    const mark = isListed ? 'NOKPROBE_SYMBOL' : headWord(patched, /^(__kprobes|nokprobe_inline)$/);
    return mark === undefined ? [] : [diagnose('kprobe-blacklisted-touched', { ...place, mark })];
  });
}

/** `SYSCALL_DEFINE0` makes an ordinary function (include/linux/syscalls.h). */
function systemCalls({ functions }: Scene): Diagnostic[] {
  return functions.flatMap(({ patched: { macro = '' }, place }) => {
    const [, compat, count] = /^(COMPAT_)?SYSCALL_DEFINE([1-6])$/.exec(macro) ?? [];
    if (count === undefined) return [];
    const instead = compat === undefined ? `KPATCH_SYSCALL_DEFINE${count}` : undefined;
    return [diagnose('system-call-touched', { ...place, macro, ...(instead !== undefined && { instead }) })];
  });
}

/** A function or variable that becomes `static`, or is it no longer. */
function linkage({ functions, variables }: Scene): Diagnostic[] {
  const isStatic = ({ head }: Item) => head.some(({ text }) => text === 'static');
  return [...functions, ...variables].flatMap(({ original, patched, place: { file, line }, doubt }) => {
    if (isStatic(original) === isStatic(patched)) return [];
    const becomes = isStatic(patched) ? 'static' : 'global';
    return [diagnose('linkage-touched', { ...doubt, file, line, name: patched.name, becomes })];
  });
}

/** Only where somebody outside of the patch may still call it: through the export, or through a pointer that was kept. */
function removedFunctions({ changes, config }: Scene): Diagnostic[] {
  const added = new Set(changes.flatMap((change) => change.added.map(({ name }) => name)));
  return changes.flatMap((change) =>
    change.removed
      .filter(({ kind, name }) => kind === 'function' && name !== '' && !added.has(name))
      .filter(({ conditions }) => !isSwitchedOff(conditions, config))
      .flatMap((item) => {
        const because = whyStillCalled(item, change.original);
        return because === undefined
          ? []
          : [diagnose('function-removed', { ...placeOf(change, item), functionName: item.name, because })];
      }),
  );
}

function whyStillCalled({ name }: Item, { items }: Outline): string | undefined {
  if (items.some((item) => isExport(item) && item.name === name)) return 'it is exported';
  const keeper = items.find(({ kind, name: own, body }) => {
    const isUser = kind === 'variable' || (kind === 'function' && own !== name);
    return isUser && body.some((token, at) => token.text === name && !isPunctuator(body[at + 1], '('));
  });
  return keeper === undefined ? undefined : `${keeper.name} has a pointer to it`;
}

/** Where nearly every system has tasks asleep at any time. */
const WAITING_ROOMS: ReadonlySet<string> = new Set([
  ...['schedule', '__schedule', 'schedule_timeout', 'do_nanosleep', 'do_wait', 'do_futex', 'futex_wait'],
  ...['worker_thread', 'kthread', 'do_sys_poll', 'do_select', 'ep_poll', 'do_epoll_wait', 'do_exit', 'kernel_clone'],
  'rcu_gp_kthread',
]);

function longSleepers({ functions }: Scene): Diagnostic[] {
  return functions.flatMap(({ patched, place }) => {
    const because = whyAlwaysOnAStack(patched);
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
