/** Rules about code and data of the start: what has run, or been read, before a livepatch can be there. */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import type { KernelConfig } from '../../kernel/config.js';
import { firstWord, isPunctuator, mentions } from '../c-groups.js';
import type { Item, Outline } from '../c-outline.js';
import { isSwitchedOff } from '../conditions.js';
import { touchedItems } from '../source-change.js';
import { changedMacros, type Doubt, placeOf, type Scene, type SourceRule } from './scene.js';

export const oneTimeRules: readonly SourceRule[] = [
  initFunctions,
  inlinedIntoInit,
  initFunctionsByMacros,
  initData,
  initCalls,
  setUpPath,
];

/**
 * What the marks of functions mean for a configuration; nothing where the function stays in memory and is traced.
 *
 * - `__exit` functions are `notrace`, and gone where nothing can be unloaded (include/linux/init.h).
 * - `__net_init` is `__init` without network namespaces (include/net/net_namespace.h).
 * - `__meminit` was a section of functions that are not traced; since 73db3abdca58 ("init/modpost: conditionally check
 *   section mismatch to __meminit*") it is nothing at all with memory hotplug.
 */
const ONCE_ONLY: Readonly<Record<string, (config: KernelConfig) => Doubt | undefined>> = {
  __init: certainly,
  __exit: certainly,
  __init_memblock: memory,
  __meminit: memory,
  __meminit_or_module: memory,
  __memexit: memory,
  __head: certainly,
  __net_init: unlessNamespaces,
  __net_exit: unlessNamespaces,
};

function certainly(): Doubt {
  return {};
}

function memory(config: KernelConfig): Doubt {
  return config.isOn('CONFIG_MEMORY_HOTPLUG') ? { cannotTell: 'whether this kernel traces such functions' } : {};
}

function unlessNamespaces(config: KernelConfig): Doubt | undefined {
  if (config.isOn('CONFIG_NET_NS')) return undefined;
  return config.mentions('CONFIG_NET_NS') ? {} : { cannotTell: 'whether this kernel has network namespaces' };
}

/** The mark stands in the definition, or in a declaration before it. */
function initFunctions({ functions, config }: Scene): Diagnostic[] {
  return functions.flatMap(({ change, patched, place, doubt }) => {
    const declared = change.patched.items.filter(({ kind, name }) => kind === 'declaration' && name === patched.name);
    const found = onceOnly({ ...patched, head: [patched, ...declared].flatMap(({ head }) => head) }, config);
    return found === undefined ? [] : [diagnose('init-function-touched', { ...found, ...doubt, ...place })];
  });
}

/** A static function that one `__init` function calls, or an inline one, may become part of it. */
function inlinedIntoInit({ functions, config }: Scene): Diagnostic[] {
  return functions.flatMap(({ change, patched, place }) => {
    if (!mentions(patched.head, 'static') || onceOnly(patched, config) !== undefined) return [];
    const users = usersOf(patched.name, change.patched);
    const mayInline =
      mentions(patched.head, 'inline') || mentions(patched.head, '__always_inline') || users.length === 1;
    const init = users.find(
      (user) => user.kind === 'function' && isOnlyCalled(patched.name, user) && onceOnly(user, config) !== undefined,
    );
    if (!mayInline || init === undefined || mentions(patched.head, 'noinline')) return [];
    const { mark = '' } = onceOnly(init, config) ?? {};
    const cannotTell = `here whether the compiler makes ${patched.name}, which changes, part of it`;
    return [diagnose('init-function-touched', { ...place, cannotTell, functionName: init.name, mark })];
  });
}

/** An init function as before, by a macro that the patch changes. */
function initFunctionsByMacros({ changes, functions, config }: Scene): Diagnostic[] {
  const macros = changedMacros(changes);
  if (macros.size === 0) return [];
  const told = new Set(functions.map(({ patched }) => patched.name));
  return changes.flatMap((change) =>
    change.patched.items.flatMap((item) => {
      const isKept = item.kind === 'function' && !told.has(item.name) && !change.added.includes(item);
      const found = isKept ? onceOnly(item, config) : undefined;
      const macro = item.body.find(({ kind, text }) => kind === 'word' && macros.has(text))?.text;
      if (found === undefined || macro === undefined || isSwitchedOff(item.conditions, config)) return [];
      const cannotTell = `here what ${macro}, which the patch changes, makes of it`;
      const place = { ...placeOf(change, item), functionName: item.name, mark: found.mark };
      return [diagnose('init-function-touched', { ...place, cannotTell })];
    }),
  );
}

/** The mark, and what it means. */
function onceOnly({ head }: Item, config: KernelConfig): (Doubt & { readonly mark: string }) | undefined {
  const mark = head.find(({ text }) => Object.hasOwn(ONCE_ONLY, text))?.text ?? '';
  const found = ONCE_ONLY[mark]?.(config);
  return found === undefined ? undefined : { ...found, mark };
}

/** What of the file uses a name, but for its own definition and declarations. */
function usersOf(name: string, { items }: Outline): Item[] {
  return items.filter((item) => item.name !== name && item.kind !== 'declaration' && mentions(item.tokens, name));
}

const INIT_DATA = /^__(init|exit)(data|const)\w*$/;

export function initDataMark({ head }: Item): string | undefined {
  return head.find(({ text }) => INIT_DATA.test(text))?.text;
}

function initData({ variables }: Scene): Diagnostic[] {
  return variables.flatMap(({ patched, place, doubt }) => {
    const mark = initDataMark(patched);
    return mark === undefined
      ? []
      : [diagnose('init-data-touched', { ...place, ...doubt, variable: patched.name, mark })];
  });
}

/** What makes the kernel call a function once: include/linux/module.h and init.h, and the drivers' short forms. */
const CALLED_ONCE = /^((early|console|\w+)_initcall(_sync)?|module_(init|exit)|(module|builtin)_\w*driver(_probe)?)$/;

/** Of a new file too: it can only become part of a module that has been loaded. */
function initCalls({ changes, config }: Scene): Diagnostic[] {
  return changes.flatMap((change) =>
    touchedItems(change)
      .filter(({ kind, macro, conditions }) => {
        return kind === 'macro-call' && CALLED_ONCE.test(macro ?? '') && !isSwitchedOff(conditions, config);
      })
      .map((item) =>
        diagnose('initcall-touched', { ...placeOf(change, item), macro: item.macro ?? '', functionName: item.name }),
      ),
  );
}

/** What is told as an init function, or as part of one, is not told again. */
function setUpPath({ functions, ...scene }: Scene): Diagnostic[] {
  return functions.flatMap(({ change, patched, place }) => {
    const [user, ...others] = usersOf(patched.name, change.patched);
    const isPartOfInit =
      user !== undefined &&
      others.length === 0 &&
      isOnlyCalled(patched.name, user) &&
      onceOnly(user, scene.config) !== undefined;
    if (isInitFunction(patched) || isPartOfInit) return [];
    const because = whyOnlySetUp(patched, change.patched, new Set());
    return because === undefined ? [] : [diagnose('set-up-function-touched', { ...place, because })];
  });
}

const isInitFunction = ({ head }: Item) => head.some(({ text }) => text === '__init' || text === '__exit');

/**
 * 1. `module_init(mad_start)` names it, or an initcall does.
 * 2. `.probe = mad_probe` names it: the driver core calls it when a device is found.
 * 3. It is static, and all that mention it are functions of which this is true, or `__init` ones.
 */
function whyOnlySetUp({ name, head }: Item, outline: Outline, asked: Set<string>): string | undefined {
  if (name === '' || asked.has(name)) return undefined;
  asked.add(name);
  const call = outline.items.find(
    (item) => item.kind === 'macro-call' && item.name === name && CALLED_ONCE.test(item.macro ?? ''),
  );
  if (call !== undefined) return `${call.macro} names it`;
  const driver = outline.items.find((item) => item.kind === 'variable' && isProbeOf(name, item));
  if (driver !== undefined) return `it is the probe function of ${driver.name}`;
  if (!mentions(head, 'static')) return undefined;
  const users = usersOf(name, outline);
  const isSetUp = (user: Item) =>
    user.kind === 'function' &&
    isOnlyCalled(name, user) &&
    (isInitFunction(user) || whyOnlySetUp(user, outline, asked) !== undefined);
  if (users.length === 0 || !users.every(isSetUp)) return undefined;
  return `only ${[...new Set(users.map((user) => user.name))].join(', ')} ${users.length === 1 ? 'calls' : 'call'} it`;
}

/** Not also given away as a pointer: `INIT_WORK(&mad->work, mad_work)`. */
function isOnlyCalled(name: string, { body }: Item): boolean {
  return body.every((token, at) => token.text !== name || isPunctuator(body[at + 1], '('));
}

function isProbeOf(name: string, { body }: Item): boolean {
  return body.some((token, at) => {
    const isMember = token.text === 'probe' || token.text === 'probe_new';
    return isMember && isPunctuator(body[at - 1], '.') && firstWord(body.slice(at + 1)) === name;
  });
}
