/**
 * Livepatch relocation tables and symbols of a finished module, checked against what `klp_apply_section_relocs` and
 * `klp_resolve_symbols` (kernel/livepatch/core.c) accept, and against the time at which the kernel applies each table:
 * that of vmlinux while the livepatch is loaded, that of a module when the module is there too.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { SHF } from '../elf/constants.js';
import type { ElfObject, ElfSection, ElfSymbol, Relocation, RelocationTable } from '../elf/object.js';
import type { RelocationRules } from './finish.js';
import { parseKlpSymbolName, parseKlpTableName, VMLINUX } from './names.js';

/**
 * Sections that the kernel reads while it loads a module, all architectures: what a table for a module puts there later
 * has no effect, or meets code that was changed meanwhile.
 */
const sectionsReadAtLoad = new Set([
  // apply_alternatives copies the replacement, relocated or not.
  '.altinstructions',
  '.altinstr_replacement',
  '.parainstructions',
  // Module notifiers of kernel/jump_label.c and kernel/static_call_inline.c.
  '__jump_table',
  '.static_call_sites',
  // apply_retpolines, apply_returns, callthunks_patch_module_calls, apply_seal_endbr, alternatives_smp_module_add.
  '.retpoline_sites',
  '.return_sites',
  '.call_sites',
  '.ibt_endbr_seal',
  '.smp_locks',
  // do_feature_fixups and its like (arch/powerpc/kernel/module.c).
  '__ftr_fixup',
  '__mmu_ftr_fixup',
  '__fw_ftr_fixup',
  '__lwsync_fixup',
  '__spec_barrier_fixup',
  // nospec_revert (arch/s390/kernel/module.c).
  '.nospec_call_table',
  '.nospec_return_table',
  // ftrace_module_init
  '__mcount_loc',
  '__patchable_function_entries',
]);

const NEEDED_FLAGS = SHF.RELA_LIVEPATCH | SHF.ALLOC;

/** `patchedObjects`: the klp objects that the module has a `struct klp_object` for, where that can be read. */
export function verifyKlpRelocations(
  module: ElfObject,
  patchedObjects: ReadonlySet<string> | undefined,
  rules: RelocationRules,
): Diagnostic[] {
  const used = new Set<ElfSymbol>();
  const findings = module.sections.flatMap((section) =>
    section.extraRelocationTables.flatMap((table) => {
      for (const { symbol } of table.relocations) used.add(symbol);
      return verifyTable(module, section, table, patchedObjects, rules);
    }),
  );
  return [...findings, ...verifySymbols(module, used), ...verifyOrdinary(module)];
}

function verifyTable(
  module: ElfObject,
  section: ElfSection,
  table: RelocationTable,
  patchedObjects: ReadonlySet<string> | undefined,
  rules: RelocationRules,
): Diagnostic[] {
  const file = module.fileName;
  const name = parseKlpTableName(table.name);
  if (name === undefined || name.section !== section.name) {
    return [diagnose('verify-klp-table-name', { file, table: table.name })];
  }
  const findings: Diagnostic[] = [];
  if ((table.flags & NEEDED_FLAGS) !== NEEDED_FLAGS) {
    findings.push(diagnose('verify-klp-table-flags', { file, table: table.name, flags: table.flags }));
  }
  const isForModule = name.object !== VMLINUX;
  const isGone = (section.flags & SHF.ALLOC) === 0 || (isForModule && section.name.startsWith('.init'));
  if (isGone) findings.push(diagnose('verify-klp-table-target', { file, table: table.name, section: section.name }));
  if (isForModule && patchedObjects?.has(name.object) === false) {
    findings.push(diagnose('verify-klp-table-unpatched', { file, table: table.name, object: name.object }));
  }
  const checkEntry = (entry: Relocation) => verifyEntry(module, section, table, entry, isForModule, rules);
  return [...findings, ...table.relocations.flatMap(checkEntry)];
}

function verifyEntry(
  module: ElfObject,
  section: ElfSection,
  table: RelocationTable,
  { offset, type, symbol }: Relocation,
  isForModule: boolean,
  rules: RelocationRules,
): Diagnostic[] {
  const place = { file: module.fileName, table: table.name, offset, symbol: symbol.name };
  const findings: Diagnostic[] = [];
  if (symbol.place !== 'livepatch') findings.push(diagnose('verify-klp-entry-symbol', place));
  else if (isForModule && parseKlpSymbolName(symbol.name)?.object === VMLINUX) {
    findings.push(diagnose('verify-klp-entry-vmlinux', place));
  }
  if (isForModule && sectionsReadAtLoad.has(section.name)) {
    findings.push(diagnose('verify-klp-entry-too-late', { ...place, section: section.name }));
  }
  const field = section.content.subarray(offset, offset + rules.zeroedBytes(type));
  if (field.some((byte) => byte !== 0)) findings.push(diagnose('verify-klp-place-not-zero', place));
  return findings;
}

function verifySymbols(module: ElfObject, used: ReadonlySet<ElfSymbol>): Diagnostic[] {
  const file = module.fileName;
  return module.symbols
    .filter(({ place }) => place === 'livepatch')
    .flatMap((symbol) => {
      const details = { file, symbol: symbol.name };
      const findings: Diagnostic[] = [];
      if (parseKlpSymbolName(symbol.name) === undefined) findings.push(diagnose('verify-klp-symbol-name', details));
      if (!used.has(symbol)) findings.push(diagnose('verify-klp-symbol-unused', details));
      return findings;
    });
}

function verifyOrdinary(module: ElfObject): Diagnostic[] {
  return module.sections.flatMap((section) =>
    section.relocations
      .filter(({ symbol }) => symbol.place === 'livepatch')
      .map(({ symbol, offset }) => {
        const details = { file: module.fileName, symbol: symbol.name, section: section.name, offset };
        return diagnose('verify-klp-symbol-misused', details);
      }),
  );
}
