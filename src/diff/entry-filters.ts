/**
 * Jump labels and static calls: the kernel initialises them when the livepatch module is loaded, but a key that lives in
 * another module is known only later, when that module is. An entry with such a key would be read before its relocation
 * is written (kernel/livepatch/core.c applies `.klp.rela.MODULE.*` in klp_init_object_loaded). Keys in vmlinux are
 * relocated in time since Linux 5.8 (commit 7c8e2bdd5f0d).
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STB, STT } from '../elf/constants.js';
import type { ElfSymbol } from '../elf/object.js';
import type { Lookup } from '../lookup/lookup.js';
import type { Entry } from './special-tables.js';

export interface Verdict {
  readonly keep: boolean;
  readonly finding?: Diagnostic;
}

export interface FilterContext {
  readonly lookup: Lookup;
  /** The livepatch brings the symbol along, say the descriptor of a `pr_debug`, which then is its own key. */
  readonly isShipped: (symbol: ElfSymbol) => boolean;
}

/** Decides on one entry of an included function. */
export type EntryFilter = (entry: Entry, context: FilterContext) => Verdict;

/** struct jump_entry: code, target and key, in this order (include/linux/jump_label.h). */
export const keepStaticBranch: EntryFilter = (entry, context) => {
  const [code, , key] = entry.relocations;
  if (code === undefined || key === undefined || entry.relocations.length !== 3) {
    return { keep: false, finding: diagnose('table-malformed', { section: '__jump_table', offset: entry.offset }) };
  }
  const owner = keyModule(key.symbol, context);
  if (owner === undefined) return { keep: true };
  const place = { functionName: code.symbol.name, offset: code.addend };
  if (key.symbol.name.startsWith('__tracepoint_')) {
    const tracepoint = key.symbol.name.slice('__tracepoint_'.length);
    return { keep: false, finding: diagnose('tracepoint-dropped', { ...place, tracepoint, module: owner }) };
  }
  return {
    keep: false,
    finding: diagnose('static-branch-in-module', { ...place, key: key.symbol.name, module: owner }),
  };
};

/** struct static_call_site: address and key (include/linux/static_call_types.h). */
export const keepStaticCall: EntryFilter = (entry, context) => {
  const [code, key] = entry.relocations;
  if (code === undefined || key === undefined || entry.relocations.length !== 2) {
    return {
      keep: false,
      finding: diagnose('table-malformed', { section: '.static_call_sites', offset: entry.offset }),
    };
  }
  const owner = keyModule(key.symbol, context);
  if (owner === undefined) return { keep: true };
  // Without its entry the call goes through the trampoline; a tracepoint's is reached only when it is switched on.
  if (/^__SC[KT]__tp_func_/.test(key.symbol.name)) return { keep: false };
  const place = { functionName: code.symbol.name, offset: code.addend };
  return { keep: false, finding: diagnose('static-call-in-module', { ...place, key: key.symbol.name, module: owner }) };
};

/** The module that owns a key, where that is not vmlinux and not the livepatch itself. */
function keyModule(key: ElfSymbol, { lookup, isShipped }: FilterContext): string | undefined {
  if (isShipped(key)) return undefined;
  const answer =
    key.bind === STB.LOCAL
      ? lookup.local(key.name, key.type === STT.NOTYPE ? STT.OBJECT : key.type)
      : lookup.global(key.name);
  if (answer.kind === 'missing') return undefined;
  const owner = answer.kind === 'found' ? answer.symbol.object : (answer.candidates[0]?.object ?? lookup.objectName);
  return owner === 'vmlinux' ? undefined : owner;
}
